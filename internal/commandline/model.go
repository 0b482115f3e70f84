// Package commandline writes what is made from the flags and commands of the
// program: completions for shells, and the manual page. The program itself does
// without it.
//
//	model.go        flags and commands, as the templates see them
//	completions.go  bash.tmpl, zsh.tmpl, fish.tmpl
//	manual.go       manual.tmpl
package commandline

import (
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// app is a program; its flags are those of all commands.
type app struct {
	Name, Help string
	Flags      []flag
	Commands   []command
}

type command struct {
	Name, Help string
	Default    bool // what runs if no command is given
	Flags      []flag
	Arg        *argument // nil: it takes none
}

type flag struct {
	Name, Help string
	Short      string // one letter; "": there is none
	Default    string
	Required   bool
	Many       bool // it may be repeated
	value
}

type argument struct {
	Name, Help string
	Required   bool
	Many       bool
	value
}

// value is what follows a flag, or stands for an argument.
type value struct {
	None  bool     // a switch
	Words []string // all that it can be; none: anything
	File  bool     // the name of a file
	Word  string   // what it is called
}

// flagger is an application or one of its commands.
type flagger interface {
	FlagCompletion(name, value string) (words []string, flagMatched, valueMatched bool)
}

func newApp(k *kingpin.Application) app {
	m := k.Model()
	a := app{Name: m.Name, Help: m.Help, Flags: flags(k, m.FlagGroupModel)}
	for _, c := range m.Commands {
		a.Commands = append(a.Commands, command{
			Name: c.Name, Help: c.Help, Default: c.Default, Flags: flags(k.GetCommand(c.Name), c.FlagGroupModel), Arg: argumentOf(c),
		})
	}
	return a
}

func flags(of flagger, m *kingpin.FlagGroupModel) (all []flag) {
	for _, f := range m.Flags {
		if f.Hidden {
			continue
		}
		out := flag{
			Name: f.Name, Help: f.Help, Required: f.Required, Default: strings.Join(f.Default, " "), Many: isMany(f.Value),
			value: value{None: f.IsBoolFlag(), File: isFile(f.Name)},
		}
		if f.Short != 0 {
			out.Short = string(f.Short)
		}
		if !out.None {
			out.Words, _, _ = of.FlagCompletion(f.Name, "")
		}
		if len(out.Words) == 1 { // only a hint
			out.Words = nil
		}
		out.Word = word(out.value, f.Name, f.Value)
		all = append(all, out)
	}
	return all
}

func argumentOf(c *kingpin.CmdModel) *argument {
	if len(c.Args) == 0 {
		return nil
	}
	m := c.Args[0]
	out := &argument{Name: m.Name, Help: m.Help, Required: m.Required, Many: isMany(m.Value), value: value{File: isFile(m.Name)}}
	out.Word = word(value{File: out.File}, m.Name, m.Value)
	return out
}

// isFile reports whether a flag or an argument names a file, by its name.
func isFile(name string) bool { return last(name) == "file" || name == "output" }

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func isMany(v kingpin.Value) bool {
	m, ok := v.(interface{ IsCumulative() bool })
	return ok && m.IsCumulative()
}

// word is what a value is called where flags are explained.
func word(v value, name string, k kingpin.Value) string {
	if g, ok := k.(kingpin.Getter); ok {
		if _, ok := g.Get().(time.Duration); ok {
			return "DURATION"
		}
	}
	switch {
	case v.File:
		return "FILE"
	case len(v.Words) > 0:
		return strings.Join(v.Words, "|")
	}
	return strings.ToUpper(last(name))
}

// All lists the flags that may follow a command.
func (a *app) All(c command) []flag { return slices.Concat(c.Flags, a.Flags) }

// Valued lists the flags that a value follows, each name once: the same name has the
// same values in all commands.
func (a *app) Valued() (all []flag) {
	for _, f := range a.Flags {
		if !f.None {
			all = append(all, f)
		}
	}
	for _, c := range a.Commands {
		for _, f := range c.Flags {
			if !f.None && !slices.ContainsFunc(all, func(g flag) bool { return g.Name == f.Name }) {
				all = append(all, f)
			}
		}
	}
	return all
}

// FileFlags lists those of Valued that name files.
func (a *app) FileFlags() []flag {
	return slices.DeleteFunc(a.Valued(), func(f flag) bool { return !f.File })
}

// FreeFlags lists those of Valued that can be anything.
func (a *app) FreeFlags() []flag {
	return slices.DeleteFunc(a.Valued(), func(f flag) bool { return f.File || len(f.Words) > 0 })
}

// WithoutCommand is the command that runs if none is given.
func (a *app) WithoutCommand() command {
	return a.Commands[slices.IndexFunc(a.Commands, func(c command) bool { return c.Default })]
}

// Others lists the names of all commands but one.
func (a *app) Others(but command) (names []string) {
	for _, c := range a.Commands {
		if c.Name != but.Name {
			names = append(names, c.Name)
		}
	}
	return names
}
