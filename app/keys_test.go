package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"crosspoint.studio/crosspoint/app/credentials"
)

// keyCommand runs "crosspoint key" against a store of the test's own.
func keyCommand(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := newConsole(&out, &errs)
	c.keys = func() (*credentials.Store, error) { return credentials.New(dir), nil }
	cmd := newKey(c)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

const someKey = "live_abcd-efgh"

func TestKeysAreKeptAndNeverShown(t *testing.T) {
	dir := t.TempDir()
	show := filepath.Join(t.TempDir(), "show.json")
	const text = `{"format": 1, "destinations": [
	  {"id": "a", "kind": "rtmp", "settings": {"url": "rtmp://localhost/live"}, "credential": "tube", "backups": [
	    {"kind": "rtmp", "settings": {"url": "rtmp://localhost/live"}, "credential": "tube-b"}]},
	  {"id": "b", "kind": "srt", "settings": {"url": "srt://localhost:9000"}, "credential": "sat"}]}`
	if err := os.WriteFile(show, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "credentials.json")
	for _, c := range []struct {
		name, stdin string
		args        []string
		ring        bool
		out, fault  string // what they have in them; "" is nothing
	}{
		{name: "none yet", args: []string{"list"}},
		{name: "set", stdin: "  " + someKey + " \r\nnot this\n", args: []string{"set", "tube"}, out: "tube is kept in " + file},
		{name: "set without a line's end", stdin: someKey, args: []string{"set", "tube-b"}, out: "tube-b is kept in " + file},
		{name: "listed", args: []string{"list"}, out: "tube\ntube-b\n"},
		{name: "of a show", args: []string{"list", show}, out: "sat\tnot kept\ntube\t" + file + "\ntube-b\t" + file, fault: " "},
		{name: "in the keyring", ring: true, stdin: someKey + "\n", args: []string{"set", "sat"}, out: "sat is kept in the keyring"},
		{name: "of a show, all there", ring: true, args: []string{"list", show}, out: "sat\tthe keyring\ntube\t"},
		{name: "of a show, told", ring: true, args: []string{"list", show}, out: "sat\tthe keyring, for no server\ntube\t" + file + "\n"},
		{name: "forgotten", args: []string{"forget", "tube"}, out: "tube is forgotten"},
		{name: "forgotten twice", args: []string{"forget", "tube"}, fault: `nothing is kept under "tube"`},
		{name: "one left", args: []string{"list"}, out: "tube-b\n"},
		{name: "an empty line", stdin: "\n", args: []string{"set", "tube-b"}, fault: "no key was given"},
		{name: "too long", stdin: strings.Repeat("x", maxKey+1), args: []string{"set", "tube-b"}, fault: "at most"},
		{name: "the key as an argument", args: []string{"set", "tube", someKey}, fault: "read from standard input"},
		{name: "no name", args: []string{"set"}, fault: "needs a name"},
		{name: "no such command", args: []string{"show", "tube"}, fault: "set, list and forget"},
		{name: "no such show", args: []string{"list", "/nowhere.json"}, fault: "there is no such file"},
	} {
		if c.ring {
			keyring.MockInit()
			if strings.HasPrefix(c.name, "of a show") {
				if err := keyring.Set("crosspoint", "sat", someKey); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			keyring.MockInitWithError(os.ErrNotExist)
		}
		if c.name == "of a show, told" {
			if _, err := credentials.New(dir).Get("sat"); err != nil { // a passphrase, at its first use
				t.Error(err)
			}
		}
		out, errs, err := keyCommand(t, dir, c.stdin, c.args...)
		if !strings.Contains(out, c.out) || c.out == "" && out != "" {
			t.Errorf("%s: printed %q, want %q", c.name, out, c.out)
		}
		fault := ""
		if err != nil {
			fault = err.Error() + " "
		}
		if (fault != "") != (c.fault != "") || !strings.Contains(fault, c.fault) {
			t.Errorf("%s: error %q, want %q", c.name, fault, c.fault)
		}
		if strings.Contains(out+errs+fault, someKey) {
			t.Errorf("%s: the key is shown: %q %q %q", c.name, out, errs, fault)
		}
	}
	keyring.MockInitWithError(os.ErrNotExist)
	if v, err := credentials.New(dir).Get("tube-b"); v != someKey || err != nil {
		t.Errorf("what is kept is not what was given: %v", err)
	}
}

// Ctrl+C at the question changes nothing and does not wait for a line.
func TestKeyIsNotWaitedFor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // ends the read that is left behind
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readKey(ctx, r, &bytes.Buffer{}, "tube"); err == nil {
		t.Error("a key came from nowhere")
	}
}
