package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync"

	"crosspoint.studio/crosspoint/app/document"
	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/internal/host"
	"crosspoint.studio/crosspoint/scenes"
)

// runWindow runs a show with a window: the one at path, a template of that name, or with
// "" the one of last time. Without a display it says so and runs headless.
func runWindow(ctx context.Context, c *console, path string, o runOptions) error {
	outliveReaders()
	log.SetFlags(0)
	log.SetOutput(&toolkitLog{log: c.log})
	if !hasDisplay() || ui.Open() != nil {
		if _, err := readShow(or(path, demoName)); err != nil {
			return err // nothing runs, so nothing is said of how
		}
		fmt.Fprintln(c.err, "crosspoint: there is no display that answers and takes this program, so there is no window; running headless with a status line every ten seconds. Stop it with Ctrl+C.")
		o.headless = true
		return runHeadless(ctx, c, or(path, demoName), o)
	}
	d, err := openDesk(ctx, c, o)
	if err != nil {
		return err
	}
	notice, err := d.begin(path, o)
	if err != nil {
		return errors.Join(err, d.close())
	}
	told, err := startReport(c, d.stage, o)
	if err != nil {
		return errors.Join(err, d.close())
	}
	// The window goes with the show: when the time that was asked for is over, and when all
	// that was live or recording has come to its end. After a signal it goes at once: Fyne ends
	// its windows then, whoever else asked to be told of it.
	shown, shut := context.WithCancel(ctx)
	defer shut()
	go func() {
		<-d.stage.stopped
		shut()
	}()
	err = ui.Run(shown, d.stage, ui.Options{Services: d.services, Icon: assets.Icon, Notice: notice, MapPath: o.windowMap, Quit: d.cancel})
	err = errors.Join(err, d.close())
	told()
	return err
}

// desk is what is behind the window.
type desk struct {
	c         *console
	stage     *stage
	documents *document.Manager
	rehearsal *rehearsing // nil where it cannot run
	sampler   *host.Sampler
	services  ui.Services

	cancel  context.CancelFunc
	running sync.WaitGroup
	err     error // the stage's, after running
}

// openDesk starts everything but the window; no show runs yet.
func openDesk(ctx context.Context, c *console, o runOptions) (*desk, error) {
	state, err := document.StateDir()
	if err != nil {
		return nil, err
	}
	d := &desk{c: c, sampler: host.NewSampler()}
	kinds := newCatalog()
	outs := outputKinds()
	if d.rehearsal, err = startRehearsal(ctx, c, "", nil); err != nil {
		c.log.Warn("the rehearsal receiver cannot be opened; destinations that point at it will fail", "error", err)
	} else {
		outs = withRehearsal(outs, d.rehearsal.urls())
	}
	d.stage = newStage(c, outs, o)
	inventory, videos := newInventory(d.stage), recordDir()
	d.documents = document.New(document.Options{Stage: d.stage, Kinds: kinds, Dir: state, Log: c.log, Devices: inventory.firstDevices})
	d.services = ui.Services{
		Documents: documents{d.documents}, Inventory: inventory, Logs: logs{c.tail, c.kept},
		Machine:     newMachine(videos, d.sampler),
		SourceKinds: kinds.sources, OutputKinds: kinds.outputs, RecordDir: videos,
	}
	d.services.Preflight = dryRun{c, outs, func() string { return baseDir(d.documents.Info().Path) }}
	if d.rehearsal != nil {
		d.services.Rehearsal = d.rehearsal
	}
	if keys, err := c.keys(); err != nil {
		c.log.Warn("stream keys cannot be kept", "error", err)
	} else {
		d.services.Credentials = vault{keys, c.tail}
	}
	ctx, d.cancel = context.WithCancel(ctx)
	d.running.Go(func() { d.err = d.stage.Run(ctx) })
	d.running.Go(func() { d.documents.Run(ctx) })
	return d, nil
}

// begin plays the first show. What cannot be opened does not keep the window closed: an
// empty show runs instead, the mistakes are listed in the terminal and the log, and
// notice is what the window says of that, and of unsaved work that cannot be read. With flags, which are
// about one show, it ends the start.
func (d *desk) begin(path string, o runOptions) (notice string, err error) {
	notice, err = d.beginShow(path, o)
	if unread := d.documents.Unread(); unread != "" {
		fmt.Fprintf(d.c.err, "crosspoint: %s\n", unread)
		notice = strings.TrimPrefix(notice+" "+unread, " ")
	}
	return notice, err
}

func (d *desk) beginShow(path string, o runOptions) (notice string, err error) {
	if err = d.documents.Begin(path); err == nil {
		info := d.documents.Info()
		for _, m := range info.Mistakes {
			fmt.Fprintf(d.c.err, "%s: %s\n", info.Name, m)
		}
		return info.ReadOnly, nil
	}
	if o != (runOptions{}) {
		return "", err
	}
	notice = err.Error()
	var mistakes *document.MistakesError
	if errors.As(err, &mistakes) {
		for _, m := range mistakes.Mistakes {
			d.c.log.Warn("a mistake in the show", "where", m.Path, "what", m.Message)
		}
		notice = fmt.Sprintf("%s cannot be opened; the log says what is wrong in %s. The file was left as it is.", path, places(len(mistakes.Mistakes)))
	}
	fmt.Fprintf(d.c.err, "crosspoint: %s\n", err)
	return notice, d.documents.New("empty", scenes.Default().Canvas)
}

func places(n int) string {
	if n == 1 {
		return "one place"
	}
	return fmt.Sprintf("%d places", n)
}

// close stops the show properly, keeps unsaved work, and ends the rest.
func (d *desk) close() error {
	d.cancel()
	d.running.Wait()
	d.documents.Close()
	if d.rehearsal != nil {
		d.rehearsal.stop()
	}
	return errors.Join(d.err, d.sampler.Close())
}
