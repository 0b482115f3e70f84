package config

import (
	"fmt"
	"os"
	"strings"

	"iam_session_exporter/internal/smallfile"
)

// CheckFiles looks at every file the configuration names: each must be a
// regular file of at most 1 MiB that can be read and is not empty; where it
// holds no key or certificate, it must be one line of UTF-8. The error is an
// Errors. The warnings are about secrets that other users of this machine can
// read.
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
		mode, err := check(f)
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

// check reads a file, keeps nothing of it, and returns its mode.
func check(f fileRef) (os.FileMode, error) {
	read := smallfile.Line
	switch {
	case f.pem:
		read = smallfile.PEM
	case f.pseudonyms:
		read = pseudonymKey
	}
	if _, err := read(f.path); err != nil {
		return 0, err
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}
