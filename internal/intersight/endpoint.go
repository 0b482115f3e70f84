package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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
	now       func() time.Time
	logger    log.Logger
}

// fetched is a page with what came with it.
type fetched struct {
	page
	what       string // for errors about it
	date       time.Time
	properties []string // that were asked for
}

// fetch asks for the page that begins at row skip. Properties that the API
// refuses are left out, as often as needed; what it accepts is remembered. The
// page is valid until buf is used again.
func (e *endpoint) fetch(ctx context.Context, skip int, buf *bytes.Buffer) (*fetched, error) {
	what := fmt.Sprintf("GET %s from row %d", e.path, skip)
	properties := e.selection.properties(e.now())
	for refused := false; ; refused = true {
		a, err := e.lane.Do(ctx, httpclient.Request{
			Method: http.MethodGet,
			Path:   e.path,
			Query:  listQuery(properties, skip),
			Header: http.Header{"Accept": {"application/json"}},
			What:   what,
			Buffer: buf,
		})
		if err == nil {
			if refused {
				e.selection.accept(properties, e.now())
				level.Info(e.logger).Log("msg", "The API does not know some properties; doing without them for a while",
					"path", e.path, "properties", without(e.selection.full, properties))
			}
			p, err := decodePage(a.Body, e.list)
			if err != nil {
				return nil, decodeError(what, err)
			}
			return &fetched{page: p, what: what, date: a.Date, properties: properties}, nil
		}
		status, ok := errors.AsType[*httpclient.StatusError](err)
		if !ok || status.Code != http.StatusBadRequest {
			return nil, err
		}
		narrower := e.selection.narrower(properties, status.Body)
		if len(narrower) == 0 {
			return nil, err
		}
		session.TraceOf(ctx).Decided(fmt.Sprintf("%s: asking again without %s, after %v", what, without(properties, narrower), err))
		properties = narrower
	}
}

// without lists what was left out.
func without(before, after []string) string { return strings.Join(except(before, after...), ",") }

// listQuery is encoded as Cisco's Go SDK does it. The signature covers it byte
// for byte, and a url.URL keeps it so.
func listQuery(properties []string, skip int) string {
	return fmt.Sprintf("%%24select=%s&%%24orderby=Moid&%%24inlinecount=allpages&%%24top=%d&%%24skip=%d",
		url.QueryEscape(strings.Join(properties, ",")), pageSize, skip)
}
