package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/recording"
	"iam_session_exporter/internal/session"
)

// Replays says what would have fired in recordings.
type Replays struct {
	Files  []string // in this order
	Format string
	Out    io.Writer
	Logger log.Logger
}

// change is how a change is printed as JSON.
type change struct {
	At       time.Time         `json:"at"`
	State    string            `json:"state"`
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
}

// Run prints what the detections that a configuration sets would have found.
func (r *Replays) Run(c *config.Config) error {
	key, err := keyOf(c)
	if err != nil {
		return err
	}
	play := recording.NewReplay(func(source string, api session.API) (*detection.Settings, session.Facts) {
		return r.settings(c, key, source, api)
	})
	for _, file := range r.Files {
		if err := r.file(play, file); err != nil {
			return err
		}
	}
	return r.sums(play)
}

// settings are those of a source. It may be one that the configuration does not
// have: then those of all sources.
func (r *Replays) settings(c *config.Config, key []byte, source string, api session.API) (*detection.Settings, session.Facts) {
	of := config.Source{Name: source, API: api}
	i := slices.IndexFunc(c.Sources, func(s config.Source) bool { return s.Name == source })
	if i >= 0 {
		of = c.Sources[i]
	}
	set := c.Detection(of, key, "")
	logger := log.With(r.Logger, "source", source)
	switch {
	case set == nil:
		level.Warn(logger).Log("msg", "Alerting is off for this source; its lines are skipped")
	case i < 0:
		level.Warn(logger).Log("msg", "The configuration does not have this source; the settings of all sources apply")
	}
	if set != nil {
		for _, at := range patterns(set) {
			level.Warn(logger).Log("msg", "Users with * match nobody: a recording has pseudonyms only", "setting", at.setting, "users", at.users)
		}
	}
	for _, a := range config.Known() {
		if a.Name == api {
			return set, a.Facts
		}
	}
	return set, 0
}

func (r *Replays) file(play *recording.Replay, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := recording.NewReader(f, name)
	for n := 1; ; n++ {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		changes, err := play.Play(l)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		for _, x := range changes {
			if err := r.print(x); err != nil {
				return err
			}
		}
	}
}

func (r *Replays) print(x recording.Change) error {
	state := "firing"
	if x.Resolved {
		state = "resolved"
	}
	if r.Format == JSON {
		return r.json(change{x.At.UTC(), state, x.Alert.Labels, x.Alert.Since.UTC()})
	}
	ls, note := x.Alert.Labels, ""
	switch {
	case x.Alert.Held:
		note = "  (held back)"
	case !x.Alert.Sent && !x.Resolved:
		note = "  (not sent)"
	}
	_, err := fmt.Fprintf(r.Out, "%s  %-8s  %-29s  %-8s  %s  %s  since %s%s\n", stamp(x.At), state,
		ls["alertname"], ls["severity"], ls["source"], ls["subject"], stamp(x.Alert.Since), note)
	return err
}

func (r *Replays) sums(play *recording.Replay) error {
	sums := play.Sums()
	if r.Format == JSON {
		return r.json(map[string]any{"sums": sums})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nfired, by detection; %d firing at the end\n", play.Firing())
	for _, key := range sorted(sums) {
		fmt.Fprintf(&b, "  %-25s  %d\n", key, sums[key])
	}
	_, err := io.WriteString(r.Out, b.String())
	return err
}

func (r *Replays) json(v any) error {
	e := json.NewEncoder(r.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// unmatched are users of a setting that a recording can't be matched with.
type unmatched struct {
	setting string
	users   int
}

// patterns lists the settings that have users with *. It does not say which.
func patterns(s *detection.Settings) []unmatched {
	var all []unmatched
	look := func(setting string, users []string) {
		n := 0
		for _, u := range users {
			if strings.HasPrefix(u, "*") || strings.HasSuffix(u, "*") {
				n++
			}
		}
		if n > 0 {
			all = append(all, unmatched{setting, n})
		}
	}
	look("privileged.users", s.Privileged.Users)
	look("service_accounts", s.ServiceAccounts)
	for _, d := range detection.All() {
		given := s.Detections[d.Key]
		below := func(at string, vs detection.Values) {
			users, _ := vs["users"].([]string)
			look(at+".users", users)
			expect, _ := vs["expect"].([]detection.Expect)
			for i, e := range expect {
				look(fmt.Sprintf("%s.expect[%d].users", at, i), e.Users)
			}
		}
		below("detections."+d.Key, given.General)
		below("detections."+d.Key+".privileged", given.Privileged)
	}
	for i, x := range s.Exceptions {
		look(fmt.Sprintf("exceptions[%d].users", i), x.Users)
	}
	return all
}
