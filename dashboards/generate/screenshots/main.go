// Command screenshots draws the dashboards with Grafana's own libraries from a
// real Prometheus with a made past. It is behind `make dashboard-screenshots`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"iam_session_exporter/dashboards/generate/history"
)

func run(ctx context.Context) (err error) {
	quiet := flag.Bool("quiet", false, "a world in which nothing happens, rather than a busy one")
	serve := flag.Bool("serve", false, "only serve that Prometheus, until interrupted")
	flag.Parse()
	dir, err := os.MkdirTemp("", "iam-session-history-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	story := history.Busy()
	if *quiet {
		story = history.Quiet()
	}
	p, err := history.Start(ctx, story, "alerts/rules.yml", dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	fmt.Println("Prometheus is at", p.URL, "and now is", p.Now.Unix())
	if *serve {
		<-ctx.Done()
		return nil
	}
	args := []string{"dashboards/preview/draw.mjs", "--prometheus=" + p.URL, "--now=" + strconv.FormatInt(p.Now.Unix(), 10)}
	if *quiet {
		args = append(args, "--empty")
	}
	draw := exec.CommandContext(ctx, "node", append(args, flag.Args()...)...)
	draw.Stdout, draw.Stderr = os.Stdout, os.Stderr
	return draw.Run()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
