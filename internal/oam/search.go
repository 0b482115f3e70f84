package oam

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// searchPath is the only path that this package asks. (Without its last letter
// it would create sessions.)
const searchPath = "/oam/services/rest/access/api/v1/sessions"

// everything is the search filter that every session passes. That an empty
// filter means all is not documented; what it finds is checked.
const everything = "{}"

// answer is what one search found.
type answer struct {
	date  time.Time // the server's clock; ours where it did not tell
	total int       // sessions that match, as the server says
	rows  []row     // those listed, each once; at most total

	timeText string // a time as this server writes it
	linked   bool   // it has a link to a page of results
	xml      bool   // it is XML, not JSON

	took time.Duration
}

// search asks once for the sessions that pass a filter. An error is a
// *session.Error, or a context.Canceled where the caller gave up.
func (a *client) search(ctx context.Context, filter string) (out *answer, err error) {
	const what = "POST " + searchPath
	s := a.s
	defer func() { // searches run beside each other: a panic would end the process
		if p := recover(); p != nil {
			logging.Bug(s.cfg.Logger, "a search panicked and counts as failed", p)
			out, err = nil, failed(ctx, session.ReasonDecode, what, session.ErrBug)
		}
	}()
	began := time.Now()
	res, err := s.api.Do(ctx, httpclient.Request{
		Method: http.MethodPost,
		Path:   searchPath,
		Body:   []byte(filter),
		Header: http.Header{
			"Content-Type": {"application/json"},
			"Accept":       {"application/json"}, // where there is none, OAM's own examples show XML
		},
		What:      what,
		MaxBody:   maxBody,
		Attempts:  1,
		KeepToken: a.once,
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	found, err := decode(res.Body, res.Header.Get("Content-Type"), s.cfg.RoleAttribute)
	if err == nil && found.form != formListing {
		err = found.form
	}
	if err != nil {
		return nil, failed(ctx, session.ReasonDecode, what, err)
	}
	rows := distinct(found.rows)
	if listed := len(rows) + found.unlisted; listed > found.total {
		return nil, failed(ctx, session.ReasonUntrusted, what,
			fmt.Errorf("the answer lists %d sessions, but says that there are %d", listed, found.total))
	}
	return &answer{date: res.Date, total: found.total, rows: s.room.fit(rows), timeText: found.timeText, linked: found.linked, xml: found.xml, took: took}, nil
}

func failed(ctx context.Context, reason session.Reason, what string, err error) error {
	session.TraceOf(ctx).Decided("answer refused: " + err.Error())
	return &session.Error{Reason: reason, Err: fmt.Errorf("%s: %w", what, err)}
}

// explain says of an error answer only what kind of content it is: WebLogic and
// the login page of a WebGate answer with HTML, the API itself does not.
func explain(h http.Header, _ []byte) string { return mediaType(h.Get("Content-Type")) }

// mediaType returns the type/subtype of a Content-Type if it is one of those that
// are usual for answers: others may be a text of somebody's choice.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	switch t {
	case "text/html", "text/plain", "text/xml", "application/xml", "application/xhtml+xml", "application/json", "application/problem+json",
		"application/octet-stream", "application/x-www-form-urlencoded", "application/soap+xml":
		return t
	}
	return ""
}
