package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/world"
)

// providersRatio compares scrapes with identity providers and locked users, once
// these are known, with scrapes of the same sessions without.
func providersRatio() ([]row, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: sessions})
	handler := http.Handler(&canned{next: simintersight.New(w, simintersight.Options{}), kept: map[string][]byte{}})
	without, err := newScraper(handler, asked{}, w.Now)
	if err != nil {
		return nil, err
	}
	defer without.close()
	with, err := newScraper(handler, asked{providers: true}, w.Now)
	if err != nil {
		return nil, err
	}
	defer with.close()
	for range 3 {
		if err := errors.Join(with.scrape(), without.scrape()); err != nil {
			return nil, err
		}
	}
	const stores = "iam_sessions_by_identity_store{"
	if !bytes.Contains(with.exposed, []byte(stores)) || bytes.Contains(without.exposed, []byte(stores)) {
		return nil, errors.New("identity providers are not known, or not left out")
	}
	var more, less timing
	for range 60 {
		if err := errors.Join(more.measure(with.scrape), less.measure(without.scrape)); err != nil {
			return nil, err
		}
	}
	r := float64(median(more.wall)) / float64(median(less.wall))
	return []row{
		{fmt.Sprintf("scrape of %d Intersight sessions with identity providers, median", sessions), median(more.wall).Round(10 * time.Microsecond).String(), "", true},
		{"ratio to one without", fmt.Sprintf("%.2f", r), "at most 1.10", r <= 1.10},
	}, nil
}
