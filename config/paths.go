package config

import (
	"fmt"
	"path/filepath"
	"strings"

	promconfig "github.com/prometheus/common/config"
)

// fileRef is a file that the configuration names.
type fileRef struct {
	line   int
	key    string
	path   string
	secret bool
}

// secretFile reads the path of a file that nobody else should read.
func (o *object) secretFile(key string) string { return o.filePath(key, true) }

// publicFile reads the path of any other file.
func (o *object) publicFile(key string) string { return o.filePath(key, false) }

func (o *object) filePath(key string, secret bool) string {
	v, ok := o.get(key)
	if !ok {
		return ""
	}
	return o.d.filePath(v, secret)
}

// filePath resolves a path and notes it for CheckFiles. It returns "" only
// after a mistake.
func (d *decoder) filePath(v value, secret bool) string {
	s, ok := d.scalar(v, "the name of a file", "!!str", "!!int", "!!float", "!!timestamp")
	if !ok {
		return ""
	}
	switch {
	case strings.Contains(s, "-----BEGIN") || strings.Contains(strings.TrimSpace(s), "\n"):
		d.failAt(v, "holds a key or certificate itself; put that into a file and write the file's name here")
		return ""
	case strings.TrimSpace(s) == "":
		d.failAt(v, "is empty; name a file, or leave the key out")
		return ""
	case hasControl(s):
		d.failAt(v, "holds a control character; it must be the name of a file")
		return ""
	case strings.HasPrefix(s, "~/"):
		d.failAt(v, "begins with ~/, which is not expanded; use ${HOME}/")
		return ""
	}
	p, problem := expand(s, d.env)
	if problem != "" {
		d.failAt(v, "%s", problem)
		return ""
	}
	p = promconfig.JoinDir(d.dir, p)
	d.files = append(d.files, fileRef{v.line, v.path, p, secret})
	return p
}

// expand replaces each ${VAR}. A $ that no { follows is itself; there is no way
// to write a literal "${".
func expand(s string, env func(string) (string, bool)) (expanded, problem string) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !isVariable(name) {
			return "", "holds ${ without the name of a variable and } after it; only ${VAR} is understood"
		}
		val, _ := env(name)
		if val == "" {
			return "", fmt.Sprintf("names the environment variable %s, which is not set or empty", name)
		}
		if hasControl(val) {
			return "", fmt.Sprintf("names the environment variable %s, which holds a control character", name)
		}
		b.WriteString(val)
		s = rest
	}
	return filepath.Clean(b.String()), ""
}

func isVariable(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && !isAlnum(c) || i == 0 && '0' <= c && c <= '9' {
			return false
		}
	}
	return s != ""
}
