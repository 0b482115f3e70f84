package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// heap is what is in use, once it falls no more: what was closed a moment ago may
// still be going.
func heap() float64 {
	least := uint64(math.MaxUint64)
	for range 10 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc)
		time.Sleep(20 * time.Millisecond)
	}
	return float64(least)
}

// keptBytes measures what is kept of a session between scrapes: by the collector
// alone, and with alerting, which also knows who has it.
func keptBytes() ([]row, error) {
	each, err := keptPerSession(false)
	if err != nil {
		return nil, err
	}
	more, err := keptPerSession(true)
	if err != nil {
		return nil, err
	}
	return []row{
		{"kept of a session between scrapes", fmt.Sprintf("%.0f bytes", each), "at most 250 bytes", each <= 250},
		{"  with alerting", fmt.Sprintf("%.0f bytes", more), "", true},
	}, nil
}

func keptPerSession(alerts bool) (float64, error) {
	const many = 50_000 // what does not grow with sessions matters less
	kept := map[int]float64{}
	for _, n := range []int{0, many} {
		k, err := keptOf(n, alerts)
		if err != nil {
			return 0, err
		}
		kept[n] = k
	}
	return (kept[many] - kept[0]) / many, nil
}

func keptOf(n int, alerts bool) (float64, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: n, Addresses: 200, Users: 20_000})
	also := asked{providers: true}
	o := newObserved()
	if alerts {
		also.observer = o
	}
	s, err := newScraper(simintersight.New(w, simintersight.Options{}), also, w.Now)
	if err != nil {
		return 0, err
	}
	defer s.close()
	// The simulator's memory is there before and after.
	before := heap()
	for i := range 3 {
		g, err := s.c.Scrape(context.Background(), 0)
		if err != nil {
			return 0, err
		}
		if _, err := g.Gather(); err != nil {
			return 0, err
		}
		if !alerts {
			continue
		}
		<-o.judged
		if i == 0 {
			a, err := startAlerting(s.dir, s.server.URL, s.source, o, w.Now)
			if err != nil {
				return 0, err
			}
			defer a.Stop(context.Background())
		}
	}
	kept := heap() - before
	runtime.KeepAlive(w)
	return kept, nil
}

// residentMemory measures the real, stripped binary: idle, and while it scrapes
// both APIs.
func residentMemory() ([]row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "iam_session_exporter")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	key, err := writeKey(dir)
	if err != nil {
		return nil, err
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret"), 0o600); err != nil {
		return nil, err
	}
	iw := world.NewStatic(world.Static{API: session.Intersight, Sessions: sessions})
	is, err := simulator.Serve(simintersight.New(iw, simintersight.Options{}), simulator.ServeOptions{})
	if err != nil {
		return nil, err
	}
	defer is.Close()
	ow := world.NewStatic(world.Static{API: session.OAM, Sessions: sessions})
	os_, err := simulator.Serve(simoam.New(ow, simoam.Options{}), simulator.ServeOptions{})
	if err != nil {
		return nil, err
	}
	defer os_.Close()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("sources:\n  - {name: i, api: intersight, url: %q, api_key: {id: %q, secret_key_file: %q}}\n  - {name: o, api: oam, url: %q, min_interval: 0s, basic_auth: {username: u, password_file: %q}}\n",
		is.URL, simintersight.KeyID, key, os_.URL, password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	const address = "127.0.0.1:19087"
	cmd := exec.Command(binary, "--config.file="+config, "--web.listen-address="+address, "--log.level=warn")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	if err := get("http://"+address+"/-/ready", 50); err != nil {
		return nil, err
	}
	idle, err := resident(cmd.Process.Pid, "VmRSS")
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	const scrapes = 60
	for range scrapes {
		if err := get("http://"+address+"/metrics", 1); err != nil {
			return nil, err
		}
	}
	each := time.Since(begin) / scrapes
	peak, err := resident(cmd.Process.Pid, "VmHWM")
	if err != nil {
		return nil, err
	}
	size := float64(info.Size()) / 1e6
	return []row{
		{"resident memory, idle", fmt.Sprintf("%.1f MiB", idle), "under 40 MiB", idle < 40},
		{fmt.Sprintf("resident memory, peak of %d scrapes of %d sessions of each API", scrapes, sessions), fmt.Sprintf("%.1f MiB", peak), "under 80 MiB", peak < 80},
		{"one such scrape", each.Round(100 * time.Microsecond).String(), "", true},
		{"stripped binary", fmt.Sprintf("%.1f MB", size), "under 25 MB", size < 25},
	}, nil
}

// get asks until it has a 200, at most tries times.
func get(url string, tries int) error {
	for ; ; tries-- {
		res, err := http.Get(url)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if tries <= 1 {
			return fmt.Errorf("%s: no 200 (%v)", url, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// resident reads a figure of /proc/PID/status in MiB.
func resident(pid int, field string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s", field)
}
