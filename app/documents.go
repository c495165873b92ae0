package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

func newValidate(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "validate SHOW.json", Short: "List every mistake in a show file", Args: oneFile("a show"),
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := readShow(args[0])
			if err != nil {
				return err
			}
			found, all := mistakes(raw, baseDir(args[0]))
			for _, m := range found {
				fmt.Fprintln(c.out, m)
			}
			if !all {
				fmt.Fprintln(c.err, "crosspoint: there may be more mistakes, in renditions, destinations and recordings: mend these and run it again.")
			}
			if len(found) > 0 {
				return errSilent
			}
			fmt.Fprintf(c.out, "%s is a valid show\n", args[0])
			return nil
		},
	}
}

func newCommands(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "commands", Short: "List the commands of command lists and their fields ([…]: may be left out)", Args: nothing,
		RunE: func(*cobra.Command, []string) error {
			for _, name := range engine.CommandNames() {
				fmt.Fprintf(c.out, "%-18s %s\n", name, strings.Join(engine.CommandFields(name), " "))
			}
			return nil
		},
	}
}

func newSchema(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the show file's JSON Schema", Args: nothing,
		RunE: func(*cobra.Command, []string) error {
			b, err := scenes.Schema(newCatalog())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "%s\n", b)
			return err
		},
	}
}
