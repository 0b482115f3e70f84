package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// CheckFiles looks at every file the configuration names: each must be a
// regular file that can be read and is not empty. The error is an Errors. The
// warnings are about secrets that other users of this machine can read.
func (c *Config) CheckFiles() (warnings Errors, err error) {
	warnings, errs := checkFiles(c.file, c.files)
	return warnings, errs.asError()
}

// Blame returns err as an Error at the line of source s that names the file that
// err is about, or at no line.
func (c *Config) Blame(s Source, err error) Error {
	for _, f := range c.files {
		if strings.Contains(err.Error(), f.path) {
			return Error{c.file, f.line, f.key, err.Error()}
		}
	}
	return Error{File: c.file, Key: "source " + s.Name, Message: err.Error()}
}

func checkFiles(file string, files []fileRef) (warnings, errs Errors) {
	for _, f := range files {
		mode, err := check(f.path)
		if err != nil {
			errs = append(errs, Error{file, f.line, f.key, f.path + ": " + cause(err)})
			continue
		}
		// A group that can read is how Kubernetes and systemd hand a secret of
		// root's over; in a file of our own it is an oversight.
		if f.secret && (mode.Perm()&0o007 != 0 || mode.Perm()&0o070 != 0 && ours(f.path)) {
			warnings = append(warnings, Error{file, f.line, f.key,
				fmt.Sprintf("%s: others than its owner can use this secret (mode %04o); chmod 600 it", f.path, mode.Perm())})
		}
	}
	return warnings.sorted(), errs.sorted()
}

// check reads a file as far as its first bytes that are not blank, and keeps
// nothing of it.
func check(path string) (os.FileMode, error) {
	info, err := os.Stat(path) // before opening: opening a pipe may hang
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes))
	if err != nil {
		return 0, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return 0, errors.New("is empty")
	}
	return info.Mode(), nil
}
