package config

import (
	"fmt"
	"path/filepath"
	"strings"

	promconfig "github.com/prometheus/common/config"
	yaml "go.yaml.in/yaml/v3"
)

// fileRef is a file that the configuration names.
type fileRef struct {
	line   int
	key    string
	path   string
	secret bool // nobody else should read it
	pem    bool // it holds keys or certificates; else one line

	pseudonyms bool // it holds the key of pseudonyms, which is any bytes
}

// secretFile is an Option that names a file that holds a secret in one line.
func secretFile(v *string, key, example, doc string) Option {
	return file(v, key, fileRef{secret: true}, example, doc)
}

// keyFile is an Option that names a file that holds a private key.
func keyFile(v *string, key, example, doc string) Option {
	return file(v, key, fileRef{secret: true, pem: true}, example, doc)
}

// nameFile is an Option that names a file that holds a name in one line.
func nameFile(v *string, key, example, doc string) Option {
	return file(v, key, fileRef{}, example, doc)
}

// certificateFile is an Option that names a file that holds certificates.
func certificateFile(v *string, key, example, doc string) Option {
	return file(v, key, fileRef{pem: true}, example, doc)
}

func file(v *string, key string, kind fileRef, example, doc string) Option {
	return custom(key, example, doc, fileName, func(o *object) { *v = o.filePath(key, kind) })
}

func (o *object) filePath(key string, kind fileRef) string {
	v, ok := o.get(key)
	if !ok {
		return ""
	}
	return o.d.filePath(v, kind)
}

// filePath resolves a path and notes it, and of which kind the file is, for
// CheckFiles. It returns "" only after a mistake.
func (d *decoder) filePath(v value, kind fileRef) string {
	if d.paths == nil {
		d.paths = make(map[*yaml.Node]bool)
	}
	d.paths[v.node] = true
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
	kind.line, kind.key, kind.path = v.line, v.path, p
	d.files = append(d.files, kind)
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

// literalVariables warns of each ${ that is not in a file path, and is used as
// it is written.
func (d *decoder) literalVariables(v value) {
	switch v.node.Kind {
	case yaml.ScalarNode:
		if !d.paths[v.node] && strings.Contains(v.node.Value, "${") {
			d.warn(v.line, v.path, "holds ${, which is taken literally: variables are expanded in file paths only")
		}
	case yaml.SequenceNode:
		for i, n := range v.node.Content {
			d.literalVariables(child(n, fmt.Sprintf("%s[%d]", v.path, i)))
		}
	case yaml.MappingNode:
		o := d.object(v)
		for _, key := range o.order {
			if strings.Contains(key, "${") {
				d.warn(o.fields[key].line, v.path, "has a key that holds ${, which is taken literally: variables are expanded in file paths only")
			}
			d.literalVariables(o.fields[key])
		}
	}
}
