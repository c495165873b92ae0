package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosspoint.studio/crosspoint/app/credentials"
	"crosspoint.studio/crosspoint/scenes"
)

// maxKey is more than any stream key, token or passphrase has, in bytes.
const maxKey = 16 << 10

// newKey is the commands for stream keys on a machine without a window. No key is ever an
// argument, which every user of the machine can read, and none is ever printed.
func newKey(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Keep stream keys, tokens and passphrases under the names that shows have for them",
		Long: `Keep stream keys, tokens and passphrases under the names that shows have for
them ("credential"), in the system's keyring or, where there is none, in a file
that only its user may read. No key is ever printed.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no command %q of crosspoint key: it has set, list and forget", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "set NAME", Short: "Keep the first line of standard input under a name, in place of what was there", Args: keyName,
			Example: "  crosspoint key set yt < key.txt\n  crosspoint key set yt      (asks, and shows nothing of what is typed)",
			RunE:    func(cmd *cobra.Command, args []string) error { return setKey(cmd, c, args[0]) },
		},
		&cobra.Command{
			Use: "list [SHOW.json]", Short: "List the names in the file of keys, or those a show uses and where each is kept", Args: atMostOneShow,
			RunE: func(_ *cobra.Command, args []string) error { return listKeys(c, first(args, "")) },
		},
		&cobra.Command{
			Use: "forget NAME", Short: "Forget what is kept under a name", Args: keyName,
			RunE: func(_ *cobra.Command, args []string) error {
				store, err := c.keys()
				if err == nil {
					err = store.Delete(args[0])
				}
				if errors.Is(err, credentials.ErrNotKept) {
					return fmt.Errorf("nothing is kept under %q", args[0])
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.out, "%s is forgotten\n", args[0])
				return err
			},
		},
	)
	return cmd
}

// keyName is for commands that take the name of one key. What looks like the key beside it
// is not repeated.
func keyName(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || args[0] == "":
		return fmt.Errorf("%s needs a name: the \"credential\" of a destination", cmd.CommandPath())
	case len(args) > 1:
		return fmt.Errorf("%s takes a name and nothing else; a key is read from standard input, since other users can see a command line", cmd.CommandPath())
	}
	return nil
}

func setKey(cmd *cobra.Command, c *console, name string) error {
	store, err := c.keys()
	if err != nil {
		return err
	}
	secret, err := readKey(cmd.Context(), cmd.InOrStdin(), c.err, name)
	if err != nil {
		return err
	}
	if err := store.Set(name, secret); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s is kept in %s\n", name, store.Where(name))
	return err
}

// readKey takes one line, without the spaces around it that copying leaves. A terminal
// is asked, and echoes nothing.
func readKey(ctx context.Context, in io.Reader, prompt io.Writer, name string) (string, error) {
	if f, ok := in.(*os.File); ok {
		restore, terminal, err := quiet(f)
		if err != nil {
			return "", err
		}
		if terminal {
			defer fmt.Fprintln(prompt)
			defer restore()
			fmt.Fprintf(prompt, "Key for %s (it is not shown): ", name)
		}
	}
	type line struct {
		text string
		err  error
	}
	// The read cannot be ended; after Ctrl+C the program is, and it with it.
	lines := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(in, maxKey+1)).ReadString('\n')
		lines <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("no key was given, and nothing is changed")
	case l := <-lines:
		text := strings.TrimSpace(l.text)
		switch {
		case l.err != nil && !errors.Is(l.err, io.EOF):
			return "", fmt.Errorf("reading standard input: %w", l.err)
		case text == "":
			return "", errors.New("no key was given, and nothing is changed")
		case len(l.text) > maxKey:
			return "", fmt.Errorf("a key has at most %d bytes; nothing is changed", maxKey)
		}
		return text, nil
	}
}

func listKeys(c *console, show string) error {
	store, err := c.keys()
	if err != nil {
		return err
	}
	if show == "" {
		names, err := store.InFile()
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, err := fmt.Fprintln(c.out, name); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			fmt.Fprintln(c.err, "crosspoint: no keys are in the file; a keyring does not tell its names: crosspoint key list SHOW.json looks for those of a show")
		}
		return nil
	}
	raw, err := readShow(show)
	if err != nil {
		return err
	}
	sh, err := scenes.Parse(raw)
	if err != nil {
		return fmt.Errorf("the show %s: %w", show, err)
	}
	missing := false
	for _, name := range keysOf(sh) {
		where := store.Where(name)
		if where == "" {
			where, missing = "not kept", true
		}
		if at := store.For(name); at != "" {
			where += ", for " + at
		}
		if _, err := fmt.Fprintf(c.out, "%s\t%s\n", name, where); err != nil {
			return err
		}
	}
	if missing {
		return errSilent
	}
	return nil
}

// keysOf are the names that a show has for its keys, each once.
func keysOf(show *scenes.Show) (names []string) {
	for _, d := range show.Destinations {
		names = append(names, d.Credential)
		for _, b := range d.Backups {
			if b.Credential != nil {
				names = append(names, *b.Credential)
			}
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}
