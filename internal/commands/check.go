package commands

import (
	"fmt"
	"io"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
)

// Check says which configuration files are checked.
type Check struct {
	Files     []string
	Factories map[session.API]exporter.Factory
	Out       io.Writer

	// Online, where set, tries what a valid configuration names, and reports whether
	// all of it works.
	Online func(*config.Config) bool
}

// Verdict is what a check comes to, from best to worst.
type Verdict int

// The verdicts.
const (
	Works   Verdict = iota // as far as was asked
	Fails                  // something that was tried online
	Invalid                // a configuration
)

// Run checks each file, and prints its warnings, and its mistakes or that it is
// valid. It returns the worst of the verdicts.
func (k *Check) Run() (worst Verdict) {
	for _, file := range k.Files {
		worst = max(worst, k.file(file))
	}
	return worst
}

func (k *Check) file(file string) Verdict {
	c, warnings, err := k.load(file)
	for _, w := range warnings {
		fmt.Fprintln(k.Out, "warning:", w)
	}
	if err != nil {
		fmt.Fprintln(k.Out, err)
		return Invalid
	}
	fmt.Fprintf(k.Out, "%s: valid, %d sources\n", file, len(c.Sources))
	if k.Online != nil && !k.Online(c) {
		return Fails
	}
	return Works
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
