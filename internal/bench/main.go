// Command bench measures the speed, the memory and the queries of the exporter
// against the simulated APIs, over loopback, and prints a report (`make bench`).
// Durations depend on the machine; ratios compare runs that alternate in the same
// process.
package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

const sessions = 5000

// row is a line of the report.
type row struct {
	what, measured, target string
	ok                     bool
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var report []row
	for _, measure := range []func() ([]row, error){scrapeRatio, providersRatio, alertingRatio, evaluation, roundTrips, keptBytes, oamQueries, residentMemory} {
		rows, err := measure()
		if err != nil {
			return err
		}
		report = append(report, rows...)
	}
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
