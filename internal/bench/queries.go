package main

import (
	"context"
	"fmt"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// published is how many client addresses are wanted, as by default.
const published = 100

// site is an OAM of which a scrape's queries are counted.
type site struct {
	name                             string
	sessions, addresses, stores, ppl int
	rows                             simoam.RowsMode
	wildcard                         bool
	most                             int     // max_queries
	first                            int     // queries of the first scrape, at most; 0: no target
	later                            float64 // of later ones, by windows of 28; 0: no target
}

var sites = [...]site{
	{"500 drawn", 500, 60, 3, 200, simoam.RowsDrawn, false, 200, 200, 4},
	{"500 fixed", 500, 60, 3, 200, simoam.RowsFixed, false, 200, 0, 0},
	{"3,000 drawn", 3000, 400, 4, 1200, simoam.RowsDrawn, false, 1200, 1000, 4},
	{"3,000 fixed", 3000, 400, 4, 1200, simoam.RowsFixed, false, 1200, 0, 0},
	{"3,000 drawn, wildcards", 3000, 400, 4, 1200, simoam.RowsDrawn, true, 650, 400, 2.2},
	{"3,000 fixed, wildcards", 3000, 400, 4, 1200, simoam.RowsFixed, true, 650, 0, 3.5},
	{"100,000 drawn", 100_000, 5000, 6, 30_000, simoam.RowsDrawn, false, 200, 200, 0},
	{"100,000 fixed", 100_000, 5000, 6, 30_000, simoam.RowsFixed, false, 200, 200, 0},
}

// oamQueries counts the searches of scrapes, first and later ones, against what
// listing in windows would take at the very least, and against one for each
// count that is published.
func oamQueries() ([]row, error) {
	var report []row
	for _, w := range sites {
		rows, err := w.measure()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		report = append(report, rows...)
	}
	return report, nil
}

func (w *site) measure() ([]row, error) {
	static := world.NewStatic(world.Static{API: session.OAM, Seed: 1, Sessions: w.sessions, Addresses: w.addresses, Stores: w.stores, Users: w.ppl})
	api := simoam.New(static, simoam.Options{Seed: 1, Rows: w.rows, Filter: simoam.Filter{Wildcard: w.wildcard}})
	server, err := simulator.Serve(api, simulator.ServeOptions{})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	before := heap()
	src, err := oam.New(oam.Config{Name: "bench", URL: server.URL, HTTP: promconfig.HTTPClientConfig{}, Options: oam.Options{MaxQueries: w.most, MaxConcurrentQueries: 2}, Now: static.Now, Logger: log.NewNopLogger()})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var asked []int
	var last *session.Snapshot
	for range 5 {
		seen := api.Stats().Queries
		if last, err = src.Snapshot(context.Background(), session.Want{ClientIPs: published}); err != nil {
			return nil, err
		}
		asked = append(asked, api.Stats().Queries-seen)
	}
	windows := float64((w.sessions + filter.Window - 1) / filter.Window)
	later := float64(asked[4]) / windows
	listed := 100 * float64(len(last.Sessions)) / float64(last.Total)
	counted := last.Resolved[session.DimensionClientIP].Counted
	named := 1 + w.stores + min(published, w.addresses)
	target := func(text string, wanted bool) string {
		if wanted {
			return text
		}
		return ""
	}
	last = nil
	report := []row{
		{"OAM, " + w.name + ": searches of the first scrape", fmt.Sprint(asked[0]), target(fmt.Sprintf("at most %d", w.first), w.first > 0), asked[0] <= w.first},
		{"  of the fifth, by windows of 28", fmt.Sprintf("%d, %.2f x %.0f, listing %.1f %%", asked[4], later, windows, listed), target(fmt.Sprintf("at most %.2f", w.later), w.later > 0), later <= w.later},
		{"  by 1 + stores + addresses published", fmt.Sprintf("%.2f x %d, %d addresses counted", float64(asked[4])/float64(named), named, len(counted)), "", true},
	}
	if w.sessions <= 3000 {
		if n, whole := cheapestTree(static.Truth(session.OAM)); whole {
			report = append(report, row{"  by the cheapest tree of equality filters", fmt.Sprintf("%.2f x %d", float64(asked[4])/float64(n), n), "", true})
		}
	} else {
		report = append(report, row{"  what is learnt (all that the source keeps)", fmt.Sprintf("%.1f MiB", (heap()-before)/(1<<20)), "", true})
	}
	return report, nil
}

// cheapestTree is how many searches list all sessions, where each set that is
// larger than a window is divided by the values of a further field, in the best
// order, by someone who knows all values. It reports false where a set stays
// larger.
func cheapestTree(all []world.Session) (int, bool) {
	fields := []func(*world.Session) string{
		func(s *world.Session) string { return s.Store },
		func(s *world.Session) string { return fmt.Sprint(s.Impersonating) },
		func(s *world.Session) string { return s.ClientIP },
		func(s *world.Session) string { return s.User },
	}
	var tree func([]*world.Session, uint) (int, bool)
	tree = func(set []*world.Session, used uint) (int, bool) {
		if len(set) <= filter.Window {
			return 1, true
		}
		best, found := 0, false
		for f, value := range fields {
			if used&(1<<f) != 0 {
				continue
			}
			parts := map[string][]*world.Session{}
			for _, s := range set {
				parts[value(s)] = append(parts[value(s)], s)
			}
			sum, whole := 0, true
			for _, p := range parts {
				n, ok := tree(p, used|1<<f)
				sum, whole = sum+n, whole && ok
			}
			if whole && (!found || sum < best) {
				best, found = sum, true
			}
		}
		return best, found
	}
	set := make([]*world.Session, len(all))
	for i := range all {
		set[i] = &all[i]
	}
	return tree(set, 0)
}
