package engine

import (
	"testing"

	"crosspoint.studio/crosspoint/outputs"
)

func TestTroublesOfSources(t *testing.T) {
	for _, c := range []struct {
		name  string
		state SourceState
		want  string
	}{
		{"well", SourceState{Status: SourceRunning}, ""},
		{"well but for a remark", SourceState{Status: SourceRunning, Remark: "no font has this"}, "Title is shown, but no font has this."},
		{"never opened", SourceState{Status: SourceWaiting, Problem: "file: a.mp4 does not exist"}, "Title has nothing to show yet: file: a.mp4 does not exist. It is opened again by itself; the rest of the show goes on."},
		{"gone", SourceState{Status: SourceWaiting, Problem: "the camera was unplugged", Frames: 7}, "Title has stopped: the camera was unplugged. Its last picture stands and it is opened again by itself; the rest of the show goes on."},
		{"gone, with sound", SourceState{Status: SourceWaiting, Problem: "the camera was unplugged", HasVideo: true, HasAudio: true, Frames: 7}, "Title has stopped: the camera was unplugged. Its last picture stands and it is opened again by itself; the rest of the show goes on."},
		{"sound alone, gone", SourceState{Status: SourceWaiting, Problem: "the microphone was unplugged", HasAudio: true}, "Title is silent: the microphone was unplugged. It is opened again by itself; everything else goes on. If it is on air, use another microphone or source."},
		{"sound alone, of a stream that had pictures before", SourceState{Status: SourceWaiting, Problem: "srt://gate:9 does not answer", HasAudio: true, Frames: 7}, "Title is silent: srt://gate:9 does not answer. It is opened again by itself; everything else goes on. If it is on air, use another microphone or source."},
		{"lost", SourceState{Status: SourceLost, Problem: "srt://gate:9 does not answer", Frames: 7}, "Title has shown nothing new for 5 s: srt://gate:9 does not answer. A slate stands in its place; it is opened again by itself. If it is on air, cut away."},
		{"lost, of a key that is on", SourceState{Status: SourceLost, Problem: "a.mov does not exist", LeftOutOf: []string{"Lower third"}}, "Title has shown nothing new for 5 s: a.mov does not exist. The key Lower third is on air without it, scenes show a slate in its place; everything else goes on. It is opened again by itself, and is back on air then: take the key off if it is not to be."},
		{"refused, of two keys that are on", SourceState{Status: SourceFailed, Problem: "no", LeftOutOf: []string{"Lower third", "Bug"}}, "Title cannot be used: no. The keys Lower third and Bug are on air without it, and the rest of the show goes on; change its settings, or take the key off."},
		{"gone with a remark", SourceState{Status: SourceFailed, Problem: "no", Remark: "no font has this"}, "Title cannot be used: no. The rest of the show goes on; change its settings."},
	} {
		c.state.ID, c.state.Name = "t", "Title"
		got := troubles(&State{Sources: []SourceState{c.state}})
		switch {
		case c.want == "" && len(got) == 0:
		case len(got) != 1 || got[0].Text != c.want || got[0].Key != "source t":
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
	}
}

func TestTroublesOfRecordings(t *testing.T) {
	slow := outputs.Report{State: outputs.Degraded, Detail: "the disk is slow; nothing is lost yet (a.mkv)"}
	for _, c := range []struct {
		name  string
		state DestinationState
		want  string
	}{
		{"well", DestinationState{Kind: "record", Started: true, Report: outputs.Report{State: outputs.Confirmed, Detail: "a.mkv, 12 MB written"}}, ""},
		{"behind", DestinationState{Kind: "record", Started: true, Report: slow}, "Disk is behind: the disk is slow; nothing is lost yet (a.mkv). " +
			"What waits is kept in memory and written when the disk takes it; everything else goes on. If it stays so, end what else uses that disk, or record to another."},
		{"stopped, and its card counts down", DestinationState{Kind: "record", Finishing: true, Report: slow}, ""},
		{"tried again", DestinationState{Kind: "record", Started: true, Report: slow, Problem: "the disk was taken away; trying again in 2 s"},
			"Disk is not live: the disk was taken away. It is tried again by itself; everything else goes on."},
	} {
		c.state.ID, c.state.Name = "r", "Disk"
		for what, s := range map[string]*State{"programme": {Recordings: []DestinationState{c.state}}, "source": {ISOs: []DestinationState{c.state}}} {
			got := troubles(s)
			switch {
			case c.want == "" && len(got) == 0:
			case len(got) != 1 || got[0].Text != c.want || got[0].Key != "destination r":
				t.Errorf("%s of the %s: %v, want %q", c.name, what, got, c.want)
			}
		}
	}
}
