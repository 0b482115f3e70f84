package commandline

import (
	"bytes"
	"embed"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

//go:embed *.tmpl
var files embed.FS

// Shells lists those for which there are completions.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion writes the completion of a program for one of Shells. kingpin's own
// asks the program for each, but does not know files, what is default, nor
// --flag=value.
func Completion(k *kingpin.Application, shell string) ([]byte, error) {
	return write(k, shell+".tmpl", template.FuncMap{"explain": explain})
}

func write(k *kingpin.Application, name string, more template.FuncMap) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"join": strings.Join, "last": last}).Funcs(more).ParseFS(files, name)
	if err != nil {
		return nil, err
	}
	a := newApp(k)
	var out bytes.Buffer
	if err := t.Execute(&out, &a); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// explain is the beginning of a help text, for the inside of single quotes and
// brackets.
func explain(help string) string {
	for _, end := range []string{". ", "; ", ": "} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.NewReplacer("'", `'\''`, "[", "(", "]", ")", `\`, "/").Replace(strings.TrimSuffix(help, "."))
}
