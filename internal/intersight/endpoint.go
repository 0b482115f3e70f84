package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// pageSize is the most rows that Intersight lists at once.
const pageSize = 1000

// endpoint is one list operation of the API.
type endpoint struct {
	lane      *httpclient.Lane
	path      string
	list      string // ObjectType of its answers
	selection selection
	proving   atomic.Bool // finding out which properties the API does not know
	now       func() time.Time
	logger    log.Logger
}

// fetched is a page with what came with it.
type fetched struct {
	page
	what       string // for errors about it
	skip       int    // number of its first row
	size       int    // of the answer, in bytes
	date       time.Time
	properties []string // that were asked for
}

// first asks for the first page, without the properties that the API is proven not
// to know. The page is valid until buf is used again.
func (e *endpoint) first(ctx context.Context, buf *bytes.Buffer) (*fetched, error) {
	ask, known := e.selection.properties(e.now())
	renewal := known != nil && len(known) < len(ask)
	f, err := e.fetch(ctx, ask, 0, pageSize, buf)
	if badRequest(err) != nil {
		part, cancel := ctx, func() {}
		if renewal {
			part, cancel = firstHalf(ctx)
		}
		f, err = e.without(part, ask, err, buf)
		cancel()
	}
	switch {
	case renewal && err == nil && len(f.properties) == len(ask):
		level.Info(e.logger).Log("msg", "The API knows all properties again", "path", e.path)
		e.selection.remember(ask, e.now())
	case renewal && badRequest(err) != nil:
		// What was proven holds on if it can't be proven anew.
		if old, err := e.fetch(ctx, known, 0, pageSize, buf); err == nil {
			e.selection.remember(known, e.now())
			return old, nil
		}
	}
	return f, err
}

// firstHalf returns a context for the first half of the time left.
func firstHalf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// fetch asks for some properties of at most top rows from row skip. The page is
// valid until buf is used again.
func (e *endpoint) fetch(ctx context.Context, properties []string, skip, top int, buf *bytes.Buffer) (*fetched, error) {
	what := fmt.Sprintf("GET %s from row %d", e.path, skip)
	if top == 1 {
		what = fmt.Sprintf("GET %s, only %s of one row", e.path, strings.Join(properties, ","))
	}
	a, err := e.lane.Do(ctx, httpclient.Request{
		Method: http.MethodGet,
		Path:   e.path,
		Query:  listQuery(properties, skip, top),
		Header: http.Header{"Accept": {"application/json"}},
		What:   what,
		Buffer: buf,
	})
	if err != nil {
		return nil, err
	}
	p, err := decodePage(a.Header.Get("Content-Type"), a.Body, e.list)
	if err != nil {
		return nil, decodeError(what, err)
	}
	return &fetched{page: p, what: what, skip: skip, size: len(a.Body), date: a.Date, properties: properties}, nil
}

// listQuery is encoded as Cisco's Go SDK does it. The signature covers it byte
// for byte, and a url.URL keeps it so.
func listQuery(properties []string, skip, top int) string {
	return fmt.Sprintf("%%24select=%s&%%24orderby=Moid&%%24inlinecount=allpages&%%24top=%d&%%24skip=%d",
		url.QueryEscape(strings.Join(properties, ",")), top, skip)
}

// badRequest returns the 400 that an error is, nil if it is none.
func badRequest(err error) *httpclient.StatusError {
	if status, ok := errors.AsType[*httpclient.StatusError](err); ok && status.Code == http.StatusBadRequest {
		return status
	}
	return nil
}

// without asks for the first page again after a 400, leaving out what the API is
// proven not to know: what the 400 names, else what is refused by itself. It
// returns the 400 if nothing is proven.
func (e *endpoint) without(ctx context.Context, properties []string, refusal error, buf *bytes.Buffer) (*fetched, error) {
	ask := properties
	for {
		unknown := named(badRequest(refusal).Header, badRequest(refusal).Body, except(ask, "Moid"))
		if unknown == nil {
			break
		}
		e.decided(ctx, fmt.Sprintf("asking again without %s, after %v", strings.Join(unknown, ","), refusal))
		ask = except(ask, unknown...)
		if len(ask) == 0 {
			return nil, refusal
		}
		f, err := e.fetch(ctx, ask, 0, pageSize, buf)
		if err == nil {
			e.learn(ask)
			return f, nil
		}
		if badRequest(err) == nil {
			return nil, err
		}
		refusal = err
	}
	e.proving.Store(true)
	defer e.proving.Store(false)
	return e.prove(ctx, ask, refusal, buf)
}

// learn remembers what the API knows, and logs it if that is news.
func (e *endpoint) learn(known []string) {
	if _, before := e.selection.properties(e.now()); !slices.Equal(before, known) {
		level.Info(e.logger).Log("msg", "The API does not know some properties; doing without them for a while",
			"path", e.path, "properties", strings.Join(except(e.selection.full, known...), ","))
	}
	e.selection.remember(known, e.now())
}

func (e *endpoint) decided(ctx context.Context, what string) {
	session.TraceOf(ctx).Decided(e.path + ": " + what)
}
