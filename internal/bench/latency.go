package main

import (
	"fmt"
	"slices"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/world"
)

// roundTrips measures scrapes of an Intersight that is far away: how many round
// trips one takes, beyond what it takes without latency.
func roundTrips() ([]row, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: sessions})
	far := faults.New(simintersight.New(w, simintersight.Options{}), 1)
	s, err := newScraper(far, asked{}, w.Now)
	if err != nil {
		return nil, err
	}
	defer s.close()
	took := func() (time.Duration, error) {
		var t timing
		for range 5 {
			if err := t.measure(s.scrape); err != nil {
				return 0, err
			}
		}
		return slices.Min(t.wall), nil // the machine has other things to do
	}
	near, err := took()
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, latency := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		far.Set(faults.Fault{Effect: faults.Latency(latency)})
		t, err := took()
		if err != nil {
			return nil, err
		}
		trips := float64(t-near) / float64(latency)
		rows = append(rows, row{fmt.Sprintf("scrape of %d Intersight sessions with %v of latency", sessions, latency),
			fmt.Sprintf("%v, %.1f round trips", t.Round(time.Millisecond), trips), "at most 4 and what it takes without", trips <= 4.1})
	}
	return rows, nil
}
