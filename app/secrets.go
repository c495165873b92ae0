package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zalando/go-keyring"
)

// keyringService is what the program's entries in the OS keyring are filed under.
const keyringService = "crosspoint"

// secret looks a credential up: in the OS keyring, or where there is none in
// credentials.json (a JSON object of names to secrets, mode 0600) in the
// program's configuration folder.
func secret(name string) (string, error) {
	v, err := keyring.Get(keyringService, name)
	if err == nil {
		return v, nil
	}
	path, ferr := credentialsFile()
	if ferr != nil {
		return "", ferr
	}
	info, ferr := os.Stat(path)
	if errors.Is(ferr, os.ErrNotExist) {
		return "", fmt.Errorf("nothing is kept under that name, neither in the keyring nor in %s", path)
	}
	if ferr != nil {
		return "", ferr
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: chmod 600 it first", path)
	}
	raw, ferr := os.ReadFile(path)
	if ferr != nil {
		return "", ferr
	}
	var all map[string]string
	if json.Unmarshal(raw, &all) != nil {
		return "", fmt.Errorf("%s is not a JSON object of names and secrets", path)
	}
	if v, ok := all[name]; ok {
		return v, nil
	}
	return "", fmt.Errorf("nothing is kept under that name, neither in the keyring nor in %s", path)
}

func credentialsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("the configuration folder: %w", err)
	}
	return filepath.Join(dir, "crosspoint", "credentials.json"), nil
}
