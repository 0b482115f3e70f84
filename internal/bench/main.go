// Command bench measures the speed, the memory and the queries of the exporter
// against the simulated APIs, over loopback, and prints a report (`make bench`).
// Arguments choose what is measured. Durations depend on the machine; ratios compare
// runs that alternate in the same process.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

const sessions = 5000

// row is a line of the report.
type row struct {
	what, measured, target string
	ok                     bool
}

// measurement makes rows of the report.
type measurement struct {
	name string
	rows func() ([]row, error)
}

var measurements = []measurement{
	{"scrape", scrapeRatio},
	{"providers", providersRatio},
	{"alerting", alertingRatio},
	{"evaluation", evaluation},
	{"latency", roundTrips},
	{"kept", keptBytes},
	{"oam", oamQueries},
	{"resident", residentMemory},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what is named; all, if nothing is.
func run(names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	var report []row
	for _, m := range chosen {
		rows, err := m.rows()
		if err != nil {
			return err
		}
		report = append(report, rows...)
	}
	return show(report)
}

func choose(names []string) ([]measurement, error) {
	if len(names) == 0 {
		return measurements, nil
	}
	var known []string
	for _, m := range measurements {
		known = append(known, m.name)
	}
	var chosen []measurement
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, fmt.Errorf("%q is not measured; want %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, measurements[i])
	}
	return chosen, nil
}

func show(report []row) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\ttarget\t")
	for _, r := range report {
		verdict := "ok"
		if !r.ok {
			verdict = "MISSED"
		}
		if r.target == "" {
			verdict = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.measured, r.target, verdict)
	}
	return w.Flush()
}
