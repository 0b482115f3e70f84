package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// Status is how a source is, for people. It comes from the last refresh that
// ended, and asks nothing.
type Status struct {
	Name      string
	API       session.API
	ProbeOnly bool

	Refreshed   time.Time // when the last refresh began; zero before the first
	Up          bool
	Complete    bool
	Listed      float64   // ratio of sessions listed
	LastSuccess time.Time // zero before the first

	Sessions int // in all statuses, where up
	Active   int

	Reason session.Reason // why it is down, or ""
	Error  string         // the same in words; safe to show

	Took     time.Duration
	Allowed  time.Duration
	Requests int
	Steps    []Step

	Info session.Info // what the source has found out about its API
}

// Status tells how the source is, by the last refresh that ended.
func (s *Source) Status() Status { return s.status(s.health.last()) }

// status makes a Status of an outcome; nil is none.
func (s *Source) status(out *outcome, success time.Time) Status {
	st := Status{Name: s.opt.Name, API: s.opt.API, ProbeOnly: s.opt.ProbeOnly, LastSuccess: success, Info: s.src.Info()}
	if out == nil {
		return st
	}
	st.Refreshed, st.Took, st.Allowed, st.Requests, st.Steps = out.began, out.taken, out.allowed, out.requests, out.steps
	switch v := out.view; {
	case v != nil:
		st.Up, st.Complete, st.Listed = true, v.complete, v.listedRatio
		st.Sessions, st.Active = v.total.sum(), v.total[session.Active]
	case out.err != nil:
		st.Reason, _ = session.ReasonOf(out.err)
		st.Error = out.err.Error()
	default:
		st.Error = "the refresh did not end in time for this scrape"
	}
	return st
}
