package commands

import (
	"fmt"
	"io"
	"path/filepath"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
)

// Check says which configuration files are checked.
type Check struct {
	Files     []string
	Print     bool // the configurations, to Out; the report then goes to Err
	Factories map[session.API]exporter.Factory
	Out, Err  io.Writer

	// Online, where set, tries what a valid configuration names, and reports whether
	// all of it works. An error ends the check of all files.
	Online func(c *config.Config, report io.Writer) (bool, error)
}

// Verdict is what a check comes to, from best to worst.
type Verdict int

// The verdicts.
const (
	Works   Verdict = iota // as far as was asked
	Fails                  // something that was tried online
	Invalid                // a configuration
)

// Run checks each file, and reports its warnings, and its mistakes or that it is
// valid. It returns the worst of the verdicts.
func (k *Check) Run() (worst Verdict) {
	for _, file := range k.Files {
		v, err := k.file(file)
		worst = max(worst, v)
		if err != nil {
			fmt.Fprintln(k.Err, err)
			break
		}
	}
	return worst
}

// file checks a file. An error is Online's.
func (k *Check) file(file string) (Verdict, error) {
	report := k.Out
	if k.Print {
		report = k.Err
	}
	c, warnings, err := k.load(file)
	for _, w := range warnings {
		fmt.Fprintln(report, "warning:", w)
	}
	if err != nil {
		fmt.Fprintln(report, err)
		return Invalid, nil
	}
	if k.Print {
		if err := k.print(file); err != nil {
			fmt.Fprintln(report, err)
			return Invalid, nil
		}
	}
	fmt.Fprintf(report, "%s: valid, %s\n", file, sources(len(c.Sources)))
	if k.Online == nil {
		return Works, nil
	}
	if ok, err := k.Online(c, report); !ok || err != nil {
		return Fails, err
	}
	return Works, nil
}

func sources(n int) string {
	if n == 1 {
		return "1 source"
	}
	return fmt.Sprintf("%d sources", n)
}

// print writes a configuration so that it means the same wherever it is read: names
// of files are absolute. Several are a YAML document each.
func (k *Check) print(file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	if len(k.Files) > 1 {
		if _, err := fmt.Fprintf(k.Out, "---\n# %q\n", file); err != nil {
			return err
		}
	}
	_, err = fmt.Fprint(k.Out, c)
	return err
}

// load reads a configuration and all that it names. It sends no request.
func (k *Check) load(file string) (c *config.Config, warnings config.Errors, err error) {
	c, err = config.Load(file)
	if err != nil {
		return nil, nil, err
	}
	warnings, err = c.CheckFiles()
	warnings = append(c.Warnings(), warnings...)
	if err == nil {
		err = k.sources(c)
	}
	if err == nil {
		err = alerting.Check(c)
	}
	return c, warnings, err
}

// sources makes the sources, which sends no request but reads keys.
func (k *Check) sources(c *config.Config) error {
	var mistakes config.Errors
	for _, s := range c.Sources {
		src, err := k.Factories[s.API](s)
		if err != nil {
			mistakes = append(mistakes, c.Blame(s, err))
			continue
		}
		src.Close()
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}
