package commandline

import (
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

// Manual writes the manual page of a program, for man(7).
func Manual(k *kingpin.Application) ([]byte, error) {
	return write(k, "manual.tmpl", template.FuncMap{
		"roff": roff, "upper": strings.ToUpper,
		"sentence": func(s string) string { return roff(strings.TrimSuffix(s, ".") + ".") },
	})
}

// roff escapes a text that may begin a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
