package ui

import (
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// desk is what panels share: the way to the studio, the clock for double clicks
// and confirmations, the keyboard, and the live pictures. It belongs to Fyne's
// goroutine, but for sender and views, which have locks of their own.
type desk struct {
	studio   studio
	services Services
	sender   *sender
	views    *viewSet
	// sets are the live images of all windows, views among them.
	sets *viewSets
	work *workers
	now  func() time.Time
	// post runs a function on Fyne's goroutine, soon; for any goroutine.
	post func(func())
	// tell shows a sentence in the status line for a while; for any goroutine.
	tell func(string)
	// said is tell for what went well.
	said func(string)
	// keyDown is where a focused control passes the keys that it does not use.
	keyDown func(*fyne.KeyEvent)
	// focused is what has the keyboard: nil is the desk itself, or a dialog that lies over it.
	focused func() fyne.Focusable
	// stopTyping gives the keyboard back to the desk, from a text or from whatever else has it:
	// a press elsewhere makes Space AUTO again. What a field holds is given.
	stopTyping func()
	// entered tells the keyboard that Enter has just ended a text.
	entered func()
	// layer is the one that is edited, by numbers and by handles.
	layer layerChoice
	// layerWanted is the one to be edited as soon as the state has it: it was just added.
	layerWanted layerChoice
	// layerPicked tells who shows a layer's numbers that one was chosen on the preview.
	layerPicked func(layerChoice)
	// sound is what the sound editor works on, soloMode what SOLO lets one hear ("afl" or
	// "pfl"), loudness the last minute of every bus.
	sound    soundChoice
	soloMode string
	loudness map[string]*loudnessHistory
	// choosing: the folder of a chooser is looked for. list is firstListed.
	choosing bool
	list     func(folders []string) fyne.ListableURI
	// tips is the layer of tool tips.
	tips *tips
	// openTab brings a tab of the side column to the front, by its id ("outputs",
	// "show", …), and shows the column.
	openTab func(id string)
	// measured is the newest sample of Services.Machine, see machine.
	measured   MachineStats
	measuredAt time.Time
	// state is the one shown at present; never nil once the first update came.
	state *engine.State
	// Of all copies of the desk: each window edits what the others have sent.
	*editLog
	// drawn is how often a second pictures and meters are drawn, as the operator chose; 0: as
	// often as suits the machine. For any goroutine.
	drawn *atomic.Int32
	// calm: on this update only what is urgent is drawn, to spare a machine that
	// draws in software.
	calm bool
}

func newDesk(s studio, services Services, tell func(string)) *desk {
	d := &desk{studio: s, services: services, now: time.Now, post: fyne.Do, tell: tell, said: func(string) {}, keyDown: func(*fyne.KeyEvent) {}, focused: func() fyne.Focusable { return nil }, stopTyping: func() {}, entered: func() {}, editLog: &editLog{}, drawn: new(atomic.Int32)}
	d.sender = newSender(s.Do, tell)
	d.sender.state = s.State
	d.work = newWorkers()
	d.tips = newTips(d)
	d.soloMode, d.loudness = "afl", map[string]*loudnessHistory{}
	d.openTab, d.layerPicked = func(string) {}, func(layerChoice) {}
	d.views, d.sets = newViewSet(s.openView), &viewSets{}
	d.sets.add(d.views)
	d.list = firstListed
	return d
}

// follow makes s the state that is shown.
func (d *desk) follow(s *engine.State, calm bool) {
	d.catchUp(s)
	d.state, d.calm = s, calm
	d.followLayer(s)
}

// followLayer makes a layer that was just added the one to be edited, once it is there.
func (d *desk) followLayer(s *engine.State) {
	w := d.layerWanted
	if layers, ok := layersOf(s.Show, w.owner); ok && w.layer < len(layers) {
		d.layer, d.layerWanted = w, layerChoice{}
	}
}

// send queues a command.
func (d *desk) send(cmd engine.Command) { d.move("", cmd) }

// move queues the newest position of a continuous control.
func (d *desk) move(control string, cmd engine.Command) {
	d.sender.send(control, cmd, d.remember(cmd))
}

// sendAfter queues a command that is left out unless the last needs commands are carried out.
func (d *desk) sendAfter(needs int, cmd engine.Command) {
	d.sender.sendAfter(needs, cmd, d.remember(cmd))
}

// settleLimit is how long settle waits for a studio that does not answer.
const settleLimit = time.Second

// settle gives what is being typed and calls then, on Fyne's goroutine, when the state has
// it: a command is applied at the next tick. It comes before whatever takes the show as it
// is: saving it, replacing it, closing. The text keeps the keyboard: what is typed on would
// be hotkeys.
func (d *desk) settle(then func()) {
	if f, typing := d.focused().(*field); typing {
		f.given()
	}
	d.whenSettled(then)
}

// whenSettled calls then, on Fyne's goroutine, when the studio's state has all that was sent.
func (d *desk) whenSettled(then func()) {
	if d.sender.settled() || !d.work.start(func() { d.sender.await(settleLimit); d.post(then) }) {
		then()
	}
}

// background runs what may block (a file, the keyring, a device list) away from
// Fyne's goroutine; it hands its results back with post.
func (d *desk) background(work func()) {
	if !d.work.start(work) {
		d.tell("Too much is still being done; the last wish was not carried out.")
	}
}

// nameOf is the operator's name of a scene or source.
func nameOf(s *engine.State, id string) string {
	if id == "" {
		return "Black"
	}
	if s != nil && s.Show != nil {
		if v, ok := s.Show.Scene(id); ok {
			return v.Name
		}
		if v, ok := s.Show.Source(id); ok {
			return v.Name
		}
	}
	return id
}

// onAir is what the outside world sees, in one word: "ON AIR" needs a destination
// whose far end has acknowledged media.
func onAir(s *engine.State) (text string, confirmed bool) {
	if !s.Live {
		return "", false
	}
	for _, d := range s.Destinations {
		if d.Started && isLive(d) {
			return "ON AIR", true
		}
	}
	return "CONNECTING", false
}

// oneLine puts what is said in several lines into one: a list after its colon, its parts
// after semicolons.
var oneLine = strings.NewReplacer(":\n", ": ", "\n", "; ", "\t", " ")

// sentence makes an error message stand as one: in one line, a capital and a full stop.
func sentence(text string) string {
	text = oneLine.Replace(strings.TrimSpace(text))
	if text == "" {
		return ""
	}
	first, n := utf8.DecodeRuneInString(text) // it may be of a name in any script
	text = string(unicode.ToUpper(first)) + text[n:]
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// said is an error as a sentence, without the names of the packages that handed it on.
func said(err error) string { return sentence(engine.Plain(err.Error())) }
