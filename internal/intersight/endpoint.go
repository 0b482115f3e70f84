package intersight

import (
	"bytes"
	"cmp"
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
	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// pageSize is the most rows that Intersight lists at once.
const pageSize = 1000

// endpoint is one list operation of the API.
type endpoint struct {
	api       *httpclient.Endpoint
	path      string
	list      string // ObjectType of its answers
	maxBody   int64  // the largest answer, in bytes
	selection selection
	filter    *rowFilter  // nil: none
	optional  bool        // our key may lack the right to it
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
	if known == nil || len(known) == len(ask) {
		return e.ask(ctx, ask, buf)
	}
	part, cancel := firstHalf(ctx)
	f, err := e.ask(part, ask, buf)
	cancel()
	switch {
	case err == nil && len(f.properties) == len(ask):
		level.Info(e.logger).Log("msg", "API accepts all properties again", "path", e.path)
		e.selection.remember(ask, e.now())
	case err == nil, ctx.Err() != nil, refusesAll(err):
	default:
		// What was proven holds on if it can't be proven anew: for as long again, as a
		// request that fails should not come first at each refresh.
		e.selection.remember(known, e.now())
		e.decided(ctx, fmt.Sprintf("asking as before without %s, after %v", strings.Join(except(ask, known...), ","), err))
		if old, err := e.fetch(ctx, query{properties: known, buf: buf}); err == nil {
			return old, nil
		}
	}
	return f, err
}

// ask asks for the first page, with fewer properties where the API refuses some.
func (e *endpoint) ask(ctx context.Context, properties []string, buf *bytes.Buffer) (*fetched, error) {
	f, err := e.fetch(ctx, query{properties: properties, buf: buf})
	if badRequest(err) != nil {
		return e.without(ctx, properties, err, buf)
	}
	return f, err
}

// refusesAll reports whether a failure is not about what was asked: the API refuses
// us, or is not to be asked again soon.
func refusesAll(err error) bool {
	if status, ok := errors.AsType[*httpclient.StatusError](err); ok && status.Code == http.StatusServiceUnavailable {
		return true
	}
	reason, ok := session.ReasonOf(err)
	return !ok || reason == session.ReasonAuth || reason == session.ReasonForbidden || reason == session.ReasonRateLimited
}

// firstHalf returns a context for the first half of the time left.
func firstHalf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// what says what a query asks for. It does not tell the values that it is filtered by.
func (e *endpoint) what(q query) string {
	what := fmt.Sprintf("GET %s from row %d", e.path, q.skip)
	if q.top == 1 {
		what = fmt.Sprintf("GET %s, only %s of one row", e.path, strings.Join(q.properties, ","))
	}
	if keys := e.filter.keys(); keys != nil {
		what += ", filtered by " + strings.Join(keys, ", ")
	}
	return what
}

// query is what a request asks for.
type query struct {
	properties []string
	filter     string // an expression of OData; "": none
	skip       int    // rows before the first one
	top        int    // rows; 0: pageSize
	maxBody    int64  // of the answer, in bytes; 0: the endpoint's
	once       bool   // sent once, with the token at hand, whatever comes
	buf        *bytes.Buffer
}

// fetch asks for a page, which is valid until its buffer is used again.
func (e *endpoint) fetch(ctx context.Context, q query) (f *fetched, err error) {
	q.filter = e.filter.odata()
	what := e.what(q)
	defer func() { // pages are read beside each other: a panic would end the process
		if p := recover(); p != nil {
			logging.Bug(e.logger, "reading a page panicked and counts as failed", p)
			f, err = nil, decodeError(what, session.ErrBug)
		}
	}()
	maxBody := cmp.Or(q.maxBody, e.maxBody)
	attempts := 0
	if q.once {
		attempts = 1
	}
	a, err := e.api.Do(ctx, httpclient.Request{
		Method:   http.MethodGet,
		Path:     e.path,
		Query:    q.encode(),
		Header:   http.Header{"Accept": {"application/json"}},
		What:     what,
		Buffer:   q.buf,
		MaxBody:  maxBody,
		Attempts: attempts,

		KeepToken: e.optional || q.once,
	})
	if err != nil {
		return nil, err
	}
	p, err := decodePage(a.Header.Get("Content-Type"), a.Body, maxBody, e.list)
	if err != nil {
		return nil, decodeError(what, err)
	}
	return &fetched{page: p, what: what, skip: q.skip, size: len(a.Body), date: a.Date, properties: q.properties}, nil
}

// encode writes a query as Cisco's Go SDK does, but for blanks, which no server
// takes for a plus where they are %20. The signature covers it byte for byte, and a
// url.URL keeps it so.
func (q query) encode() string {
	filter := ""
	if q.filter != "" {
		filter = "&%24filter=" + strings.ReplaceAll(url.QueryEscape(q.filter), "+", "%20")
	}
	return fmt.Sprintf("%%24select=%s%s&%%24orderby=Moid&%%24inlinecount=allpages&%%24top=%d&%%24skip=%d",
		url.QueryEscape(strings.Join(q.properties, ",")), filter, cmp.Or(q.top, pageSize), q.skip)
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
		f, err := e.fetch(ctx, query{properties: ask, buf: buf})
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
		level.Info(e.logger).Log("msg", "API rejects some properties; not requesting them for now",
			"path", e.path, "properties", strings.Join(except(e.selection.full, known...), ","))
	}
	e.selection.remember(known, e.now())
}

func (e *endpoint) decided(ctx context.Context, what string) {
	session.TraceOf(ctx).Decided(e.path + ": " + what)
}
