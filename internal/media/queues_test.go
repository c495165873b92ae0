package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

const frame30 = time.Second / 30

func picture(pool *FramePool, n int) *Frame {
	f := pool.Get()
	f.Number, f.PTS = int64(n), time.Duration(n)*frame30
	return f
}

func TestFrameSyncShowsWhatIsDue(t *testing.T) {
	pool := NewFramePool(I420, 16, 16, 8)
	s := NewFrameSync(4)
	defer s.Close()
	if f, fresh := s.Take(0); f != nil || fresh {
		t.Errorf("an empty synchroniser gave %v, %v", f, fresh)
	}
	for n := range 3 {
		if err := s.Push(t.Context(), picture(pool, n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		at    time.Duration
		want  int64
		fresh bool
	}{{0, 0, true}, {frame30 / 2, 0, false}, {2 * frame30, 2, true}, {9 * frame30, 2, false}} {
		f, fresh := s.Take(c.at)
		if f == nil || f.Number != c.want || fresh != c.fresh {
			t.Errorf("at %v: got %v, %v, want picture %d, %v", c.at, f, fresh, c.want, c.fresh)
		}
		f.Release()
	}
	if _, skipped := s.Counts(); skipped != 1 {
		t.Errorf("%d pictures passed over, want 1", skipped)
	}
}

func TestFrameSyncBlocksAndDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := NewFramePool(I420, 16, 16, 8)
		s := NewFrameSync(2)
		pushed := make(chan int, 4)
		go func() {
			for n := range 3 {
				_ = s.Push(context.Background(), picture(pool, n)) // it does not end before the push
				pushed <- n
			}
			close(pushed)
		}()
		synctest.Wait()
		if len(pushed) != 2 {
			t.Fatalf("%d pictures went into room for two", len(pushed))
		}
		f, _ := s.Take(0)
		f.Release()
		synctest.Wait()
		if len(pushed) != 3 {
			t.Fatal("taking one did not let the third in")
		}
		s.PushLive(picture(pool, 3))
		if dropped, _ := s.Counts(); dropped != 1 {
			t.Errorf("a full queue dropped %d, want its oldest", dropped)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Push(ctx, picture(pool, 4)); !errors.Is(err, context.Canceled) {
			t.Errorf("Push into a full queue with an ended context: %v", err)
		}
		s.Close()
		if err := s.Push(context.Background(), picture(pool, 5)); err != nil {
			t.Errorf("Push after Close: %v", err)
		}
	})
}

// TestFrameSyncBoundsBytes: of pictures that are far larger than usual fewer wait.
func TestFrameSyncBoundsBytes(t *testing.T) {
	const side, capacity = 8192, 32
	luma, chroma := make([]byte, side*side), make([]byte, side*side/4) // of all of them
	large := func(n int) *Frame {
		f := NewFrame(I420, side, side, [3]Plane{{luma, side}, {chroma, side / 2}, {chroma, side / 2}}, nil)
		f.Number, f.PTS = int64(n), time.Duration(n)*frame30
		return f
	}
	const room = syncBytes / (side * side * 3 / 2)
	s := NewFrameSync(capacity)
	defer s.Close()
	for n := range capacity {
		s.PushLive(large(n))
	}
	if n, _, _ := s.Waiting(); n != room {
		t.Errorf("%d pictures wait, want the %d that there is room for", n, room)
	}
	if dropped, _ := s.Counts(); dropped != capacity-room {
		t.Errorf("%d pictures were dropped, want %d", dropped, capacity-room)
	}
	f, _ := s.Take(capacity * frame30)
	if f.Number != capacity-1 {
		t.Errorf("picture %d was kept, want the newest", f.Number)
	}
	f.Release()
	synctest.Test(t, func(t *testing.T) {
		s := NewFrameSync(capacity)
		pushed := 0
		go func() {
			for n := range capacity {
				_ = s.Push(context.Background(), large(n)) // it ends with Close
				pushed++
			}
		}()
		synctest.Wait()
		if pushed != room {
			t.Errorf("%d pictures went in, want the %d that there is room for", pushed, room)
		}
		s.Flush()
		synctest.Wait()
		if pushed != 2*room {
			t.Errorf("%d pictures went in after Flush, want %d", pushed, 2*room)
		}
		s.Close()
	})
}

func TestFrameSyncWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := NewFramePool(I420, 16, 16, 8)
		for name, end := range map[string]func(*FrameSync){
			"a later picture": func(s *FrameSync) { s.PushLive(picture(pool, 9)) },
			"hold":            (*FrameSync).Hold,
			"a new timeline":  (*FrameSync).Flush,
			"the end":         (*FrameSync).Close,
		} {
			s := NewFrameSync(4)
			s.PushLive(picture(pool, 0))
			done := make(chan error, 1)
			go func() { done <- s.WaitFor(context.Background(), frame30) }()
			synctest.Wait()
			if len(done) != 0 {
				t.Fatalf("%s: it did not wait", name)
			}
			end(s)
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			s.Close()
		}
	})
}

// TestFrameSyncWaitDue: the picture that is due is enough, of whatever is queued or was taken.
func TestFrameSyncWaitDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := NewFramePool(I420, 16, 16, 8)
		for _, c := range []struct {
			queued int // the newest, of those from picture 0 on
			at     time.Duration
			waits  bool
		}{{3, 3*frame30 + frame30/4, false}, {3, 4 * frame30, true}, {3, 2 * frame30, false}, {0, frame30 / 2, false}} {
			for _, taken := range []bool{false, true} {
				s := NewFrameSync(8)
				for n := range c.queued + 1 {
					s.PushLive(picture(pool, n))
				}
				if taken {
					f, _ := s.Take(time.Minute)
					f.Release()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err := s.WaitDue(ctx, c.at, frame30)
				cancel()
				if waited := err != nil; waited != c.waits {
					t.Errorf("with pictures up to %d (taken %v) at %v: %v; want to wait: %v", c.queued, taken, c.at, err, c.waits)
				}
				s.Close()
			}
		}
	})
}

// TestFrameSyncTakeQuietly: who waits for room goes on waiting until Wake.
func TestFrameSyncTakeQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := NewFramePool(I420, 16, 16, 8)
		s := NewFrameSync(2)
		defer s.Close()
		pushed := make(chan error, 3)
		go func() {
			for n := range 3 {
				pushed <- s.Push(context.Background(), picture(pool, n))
			}
		}()
		synctest.Wait()
		f, fresh := s.TakeQuietly(frame30 / 2)
		if f == nil || f.Number != 0 || !fresh {
			t.Errorf("it took %v, %v", f, fresh)
		}
		f.Release()
		if synctest.Wait(); len(pushed) != 2 {
			t.Errorf("%d pictures went in before it was woken, want 2", len(pushed))
		}
		s.Wake()
		if synctest.Wait(); len(pushed) != 3 {
			t.Errorf("%d pictures went in, want 3", len(pushed))
		}
	})
}

// video is a packet of picture n of a 10 fps stream with a keyframe every tenth.
func video(n int, discardable bool) *Packet {
	return &Packet{Data: make([]byte, 100), Time: time.Duration(n) * 100 * time.Millisecond, Keyframe: n%10 == 0, Discardable: discardable}
}

func sound(n int) *Packet {
	return &Packet{Audio: true, Keyframe: true, Data: make([]byte, 10), Time: time.Duration(n) * 100 * time.Millisecond}
}

func TestPacketQueuePolicy(t *testing.T) {
	q := NewPacketQueue(LiveLimits, true)
	if q.Put(sound(0)) || q.Put(video(3, false)) {
		t.Error("something was let in before the first keyframe")
	}
	if q.Stats().Dropped != 0 {
		t.Error("what nobody is owed was counted as dropped")
	}
	for n := 10; n <= 17; n++ {
		if !q.Put(video(n, n%2 == 1)) {
			t.Errorf("picture %d was dropped with %v queued", n, q.Stats().Depth)
		}
	}
	// 700 ms are queued, not more: the next makes it more.
	q.Put(sound(18))
	if q.Put(video(19, true)) {
		t.Error("a picture nothing refers to was kept with 800 ms queued")
	}
	if !q.Put(sound(20)) {
		t.Error("sound was dropped")
	}
	if q.Put(video(21, false)) {
		t.Error("a picture was kept with 1 s queued")
	}
	if !q.Put(sound(21)) {
		t.Error("sound was dropped with the pictures")
	}
	for len(q.items)-q.head > 2 {
		if _, err := q.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if q.Put(video(22, false)) {
		t.Error("a picture was let through after one it may refer to was dropped")
	}
	for q.Stats().Packets > 0 {
		if _, err := q.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !q.Put(video(30, false)) || !q.Put(video(31, false)) {
		t.Error("the keyframe did not mend the queue")
	}
	if got := q.Stats().Dropped; got != 3 {
		t.Errorf("%d dropped, want 3", got)
	}
	q.Close()
	var last error
	for last == nil {
		_, last = q.Next(t.Context())
	}
	if !errors.Is(last, io.EOF) {
		t.Errorf("the end is %v, want io.EOF", last)
	}
}

// TestPacketQueueStale: a path that takes nothing for long is sent what is of now afterwards, and
// not what has waited: with a keyframe the queue begins anew.
func TestPacketQueueStale(t *testing.T) {
	q := NewPacketQueue(LiveLimits, true)
	tracks := []Track{{Codec: H264}}
	for n := range 85 { // 8.4 s, sound whole
		p := video(n, false)
		if n == 30 {
			p.Tracks, p.Continues = tracks, true
		}
		q.Put(p)
		q.Put(sound(n))
	}
	waiting := q.Stats()
	if waiting.Depth != 8400*time.Millisecond {
		t.Fatalf("%+v wait, want 8.4 s", waiting)
	}
	if q.Put(video(85, false)) || !q.Put(video(90, false)) || !q.Put(sound(90)) {
		t.Error("the keyframe, and what comes with it, has to be let in, and nothing else")
	}
	if got := q.Stats(); got.Packets != 2 || got.Bytes != 110 || got.Dropped != waiting.Dropped+1+int64(waiting.Packets) {
		t.Errorf("%+v after %+v, want the two newest packets alone and all others counted as dropped", got, waiting)
	}
	p, err := q.Next(t.Context())
	if err != nil || !p.Keyframe || p.Time != 9*time.Second || len(p.Tracks) != 1 || !p.Continues {
		t.Errorf("%+v, %v; want the newest keyframe with the tracks that a dropped one began", p, err)
	}
}

func TestPacketQueueReset(t *testing.T) {
	q := NewPacketQueue(RecordLimits, true)
	q.Put(video(0, false))
	q.Reset()
	if q.Put(video(1, false)) || !q.Put(video(10, false)) {
		t.Error("after a reset the first packet has to be a keyframe")
	}
	if p, err := q.Next(t.Context()); err != nil || !p.Keyframe {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestPacketQueueAllocates(t *testing.T) {
	q := NewPacketQueue(LiveLimits, true)
	p := video(0, false)
	q.Put(p)
	got := testing.AllocsPerRun(200, func() {
		q.Put(p)
		if _, err := q.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("a packet through the queue allocates %v times", got)
	}
}

func TestFramePoolAndRelease(t *testing.T) {
	pool := NewFramePool(NV12, 34, 18, 2)
	f := pool.Get()
	id := f.ID()
	f.Retain()
	if f.Writable() {
		t.Error("a shared frame is writable")
	}
	f.Release()
	f.Release()
	g := pool.Get()
	if g != f || g.ID() == id {
		t.Error("the pool did not reuse the memory under a new identity")
	}
	g.Release()
	defer func() {
		if recover() == nil {
			t.Error("a double release went unnoticed")
		}
	}()
	g.Release()
}

// countedMemory is frame memory whose handles say who refers to them.
type countedMemory struct{ made, freed int }

type countedHandle struct{ lent bool }

func (m *countedMemory) NewFrame(_ PixelFormat, width, height int) ([3]Plane, any) {
	m.made++
	return [3]Plane{{Data: make([]byte, width*height), Stride: width}}, &countedHandle{}
}
func (m *countedMemory) InUse(h any) bool { return h.(*countedHandle).lent }
func (m *countedMemory) FreeFrame(any)    { m.freed++ }

// TestFramePoolInMemory: memory that a codec still refers to is not handed out again, and
// every frame's is given back once.
func TestFramePoolInMemory(t *testing.T) {
	m := &countedMemory{}
	pool := NewFramePoolIn(m, I420, 16, 16, 2)
	a := pool.Get()
	a.Native.(*countedHandle).lent = true
	a.Release()
	b := pool.Get()
	if a == b || m.made != 2 {
		t.Fatalf("memory in use was handed out again; %d were made", m.made)
	}
	a.Native.(*countedHandle).lent = false
	if c := pool.Get(); c != a || c.Native == nil {
		t.Error("memory that came back was not reused")
	}
	c := pool.Get()
	a.Release()
	pool.Close()
	if m.freed != 1 {
		t.Errorf("closing freed %d, want the idle one", m.freed)
	}
	b.Release()
	c.Release()
	if m.freed != 3 || m.made != 3 {
		t.Errorf("%d were made and %d freed, want 3 of each", m.made, m.freed)
	}
}

// TestCopyPlanes: every sample of pictures larger than one piece arrives, between memory laid
// out alike and not, and nothing beyond the picture is written.
func TestCopyPlanes(t *testing.T) {
	const w, h = 1022, 606
	laid := func(pad int) *Frame {
		var planes [3]Plane
		for i := range planes {
			rowBytes, rows := PlaneSize(I420, w, h, i)
			planes[i] = Plane{Data: bytes.Repeat([]byte{0xee}, (rowBytes+pad)*rows), Stride: rowBytes + pad}
		}
		return NewFrame(I420, w, h, planes, nil)
	}
	src := laid(2)
	for i, p := range src.Planes {
		for k := range p.Data {
			p.Data[k] = byte(k*7 + k>>8 + i)
		}
	}
	for _, pad := range []int{2, 64} {
		dst := laid(pad)
		CopyPlanes(dst, src)
		for i, p := range dst.Planes {
			rowBytes, rows := PlaneSize(I420, w, h, i)
			for y := range rows {
				if !bytes.Equal(p.Data[y*p.Stride:][:rowBytes], src.Planes[i].Data[y*src.Planes[i].Stride:][:rowBytes]) {
					t.Fatalf("row padding %d, plane %d: row %d differs", pad, i, y)
				}
			}
			if tail := p.Data[p.Stride*(rows-1)+rowBytes:]; bytes.Count(tail, []byte{0xee}) != len(tail) {
				t.Errorf("row padding %d, plane %d: written behind the picture", pad, i)
			}
		}
	}
}

// TestFramePoolShrinks: what a moment needed is given back once a whole window has not, and
// memory that a codec refers to is not counted as to be had.
func TestFramePoolShrinks(t *testing.T) {
	m := &countedMemory{}
	pool := NewFramePoolIn(m, I420, 16, 16, 8)
	burst := make([]*Frame, 8)
	for i := range burst {
		burst[i] = pool.Get()
	}
	burst[7].Native.(*countedHandle).lent = true
	for _, f := range burst {
		f.Release()
	}
	for range 2 * poolWindow {
		a, b := pool.Get(), pool.Get()
		a.Release()
		b.Release()
	}
	// Two are needed, one more is kept, and the codec has one.
	if m.made != 8 || m.freed != 4 {
		t.Errorf("%d were made and %d freed, want 8 and 4", m.made, m.freed)
	}
	for range 2 * poolWindow {
		for i := range burst[:3] {
			burst[i] = pool.Get()
		}
		for _, f := range burst[:3] {
			f.Release()
		}
	}
	if m.made != 8 || m.freed != 4 {
		t.Errorf("with three in use %d were made and %d freed, want no change", m.made, m.freed)
	}
}

func TestSampleRing(t *testing.T) {
	r := NewSampleRing(8)
	if n := r.Write([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9}); n != 8 || r.Overruns() != 1 {
		t.Errorf("wrote %d with %d refused, want 8 and 1", n, r.Overruns())
	}
	r.Discard(2)
	got := make([]float32, 8)
	if n := r.Read(got); n != 6 || got[0] != 3 || got[5] != 8 || got[6] != 0 || r.Underruns() != 2 {
		t.Errorf("read %d: %v, %d underruns", n, got, r.Underruns())
	}
}

func TestVirtualClock(t *testing.T) {
	c := NewVirtualClock()
	if err := c.WaitUntil(t.Context(), time.Hour); err != nil || c.Now() != time.Hour {
		t.Errorf("after waiting for an hour it is %v, %v", c.Now(), err)
	}
	if err := c.WaitUntil(t.Context(), time.Minute); err != nil || c.Now() != time.Hour {
		t.Errorf("waiting for the past changed the time to %v, %v", c.Now(), err)
	}
}
