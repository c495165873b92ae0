package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The command line's arguments; what is wrong with them ends the program with status 2.

// nothing is for commands that take no arguments.
func nothing(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: %s takes no arguments", args[0], cmd.CommandPath())
	}
	return nil
}

// oneFile is for commands that take the name of one file, and cannot do without.
func oneFile(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs the name of %s file", cmd.CommandPath(), what)
		case len(args) > 1:
			return fmt.Errorf("%s takes one file; there are %d: %s", cmd.CommandPath(), len(args), strings.Join(args, " "))
		}
		return named(args)
	}
}

// atMostOneShow is for commands that have a show of their own choice without one.
func atMostOneShow(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		if !cmd.HasParent() {
			return fmt.Errorf("there is no command %q (crosspoint help lists them), and only one show can be opened at a time", args[0])
		}
		return fmt.Errorf("%s takes one show; there are %d: %s", cmd.CommandPath(), len(args), strings.Join(args, " "))
	}
	return named(args)
}

// named refuses names that are empty, as an unset variable of a script leaves them: what
// runs would be another show than was meant.
func named(args []string) error {
	for _, a := range args {
		if a == "" {
			return errors.New("the file's name is empty")
		}
	}
	return nil
}

// required reports the flags that a command cannot do without and that are not there.
func required(cmd *cobra.Command, flags ...string) error {
	var missing []string
	for _, name := range flags {
		if !cmd.Flags().Changed(name) {
			missing = append(missing, "--"+name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s needs %s", cmd.CommandPath(), strings.Join(missing, " and "))
	}
	return nil
}
