package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// A stopped recording may have minutes in memory that its disk has not taken yet. It ends when
// they are written, or is left behind when the disk takes nothing for so long; what it has
// then is still written if the disk comes back before the program ends.
const (
	stuckAfter = 30 * time.Second
	// At the end of the studio somebody waits for it.
	stuckAtEnd  = 15 * time.Second
	finishAtEnd = time.Minute // in all
)

// finishEvery is how often it is looked at.
const finishEvery = 100 * time.Millisecond

// finishWriting waits for the end of a stopped recording, which is cut short when its disk has
// taken nothing for stuck, or after limit; 0 is no limit.
func (v *delivery) finishWriting(stuck, limit time.Duration) {
	go func() {
		look := time.NewTicker(finishEvery)
		defer look.Stop()
		began := time.Now()
		taken, since := int64(-1), began
		for {
			select {
			case <-v.ended:
				return
			case now := <-look.C:
				if n := v.taken(); n != taken || v.queues() {
					taken, since = n, now
				}
				if now.Sub(since) > stuck || limit > 0 && now.Sub(began) > limit {
					v.cutShort.Store(true)
					v.cancel()
					return
				}
			}
		}
	}()
}

// isFinishing: it is a recording that was stopped and is still being written.
func (v *delivery) isFinishing() bool { return v.recording && v.stopping.Load() && v.isRunning() }

// writing are the names of the recordings that are finishing, in the order of their ids.
func (d *deliveries) writing() (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(d.dest)) {
		if v := d.dest[id]; v.isFinishing() {
			names = append(names, v.def.Name)
		}
	}
	return names
}

// queues: it has not begun, because the one before it has not ended.
func (v *delivery) queues() bool {
	before := v.before.Load()
	if before == nil {
		return false
	}
	select {
	case <-before.ended:
		return false
	default:
		return true
	}
}

// taken is how many packets a recording has taken from its queue, the only one it has.
func (v *delivery) taken() int64 {
	q := v.legs[0].queue.Load()
	if q == nil {
		return 0
	}
	s := q.Stats()
	return s.Accepted - int64(s.Packets)
}

// waiting is what a recording has that is not on its way to the disk.
func (v *delivery) waiting() (packets int, length time.Duration) {
	q := v.legs[0].queue.Load()
	if q == nil {
		return 0, 0
	}
	s := q.Stats()
	return s.Packets, s.Depth
}

// unwritten: a recording has not come to its end. mu is held.
func (v *delivery) unwritten() bool {
	packets, _ := v.waiting()
	return packets > 0 || len(v.files) > 0
}

// leftBehind tells what is not written of a recording that was cut short.
func (v *delivery) leftBehind() {
	v.mu.Lock()
	v.left = v.unwritten()
	left := v.left
	v.mu.Unlock()
	if !left {
		return // it came to its end all the same
	}
	packets, length := v.waiting()
	var text string
	switch name, seconds, ending := v.def.Name, length.Seconds(), v.d.ending.Load(); {
	case ending && packets > 0:
		text = fmt.Sprintf("The last %.1f s of %s were not written: its disk was too slow. What was written plays; the next start of Crosspoint finishes the file.", seconds, name)
	case ending:
		text = fmt.Sprintf("The file of %s was not closed: its disk was too slow. It plays; the next start of Crosspoint finishes it.", name)
	case packets > 0:
		text = fmt.Sprintf("%s has stopped, but its disk does not answer: its last %.1f s wait in memory and are written as soon as it does. Leave Crosspoint open until then.", name, seconds)
	default:
		text = fmt.Sprintf("%s has stopped, but its disk does not answer: its file is closed as soon as it does. Leave Crosspoint open until then.", name)
	}
	v.d.e.warn.set("unwritten "+v.def.ID, text, v.d.e.state.Load().Tick)
}

// follow keeps account of the open files, also of an output that was left behind.
func (v *delivery) follow(f outputs.FileEvent) {
	if f.Begun || f.Left != nil {
		return
	}
	v.mu.Lock()
	v.files = slices.DeleteFunc(v.files, func(path string) bool { return path == f.Path })
	if !f.Closed {
		v.files = append(v.files, f.Path)
	}
	v.mu.Unlock()
	v.settleUnwritten()
}

// settleUnwritten takes back what leftBehind has told once that is written.
func (v *delivery) settleUnwritten() {
	v.mu.Lock()
	written := v.left && !v.running && !v.unwritten()
	v.left = v.left && !written
	v.mu.Unlock()
	if written {
		v.d.e.warn.clear("unwritten " + v.def.ID)
	}
}

// awaitEnds waits for all deliveries and shows how they end.
func (d *deliveries) awaitEnds() {
	ended := make(chan struct{})
	go func() {
		d.wg.Wait()
		close(ended)
	}()
	look := time.NewTicker(finishEvery)
	defer look.Stop()
	began, told := time.Now(), false
	for {
		select {
		case <-ended:
			return
		case now := <-look.C:
			if !told && now.Sub(began) > time.Second {
				told = true
				d.tellUnwritten()
			}
			d.e.publish()
		}
	}
}

// tellUnwritten says what the end of the studio waits for.
func (d *deliveries) tellUnwritten() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.dest {
		packets, length := 0, time.Duration(0)
		if v.recording && v.isRunning() && v.opened.Load() {
			packets, length = v.waiting()
		}
		if packets > 0 {
			d.e.warn.set("finishing "+v.def.ID, fmt.Sprintf("The show ends when %s is written: its disk is slow, and %.0f s wait for it. That is given a minute at most.", v.def.Name, length.Seconds()), d.e.tick)
		}
	}
}
