// Command preview opens the window of Crosspoint before a make-believe studio, to
// look at panels without cameras, encoders or OpenGL of our own:
//
//	go run ./app/ui/internal/preview [-trouble] [-items 6]
//
// Threads: one goroutine ticks the make-believe studio. What it does not do:
// show anything that the engine really does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"crosspoint.studio/crosspoint/app/ui"
)

func main() {
	trouble := flag.Bool("trouble", false, "let things go wrong: lost sources, failed destinations, warnings")
	items := flag.Int("items", 6, "number of scenes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := newStudio(*items, *trouble)
	go s.run(ctx)
	if err := ui.Run(ctx, s, ui.Options{Title: "Crosspoint preview"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
