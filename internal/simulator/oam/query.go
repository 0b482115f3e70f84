package oam

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The search fields of OAM.
const (
	FieldSessionID     = "sessionId"
	FieldUserID        = "userId"
	FieldClientIP      = "clientIp"
	FieldStore         = "idStoreName"
	FieldImpersonating = "isImpersonating"
	FieldExpiry        = "expiryTime"
	FieldLastAccess    = "lastAccessTime"
	FieldUpdate        = "updateTime"
)

// fieldOrder is the order in which a server that honours only one field looks
// for it.
var fieldOrder = []string{FieldSessionID, FieldUserID, FieldClientIP, FieldStore, FieldImpersonating,
	FieldExpiry, FieldLastAccess, FieldUpdate}

// Filter says what the search fields mean.
type Filter struct {
	Combine    Combine
	Match      Match // of userId, clientIp and idStoreName
	IgnoreCase bool
	Wildcard   bool // * in a value stands for anything

	ExpiryTime     TimeFilter
	LastAccessTime TimeFilter
	UpdateTime     TimeFilter

	TimeForms []TimeForm // those understood; none: all
	BadTime   BadTime    // what a time in another form does

	Ignore []string // names of fields that are not honoured at all
	// FalseIsUnset: isImpersonating false is the same as none.
	FalseIsUnset bool
}

// Combine says what several fields in one search mean.
type Combine int

const (
	CombineAnd   Combine = iota
	CombineFirst         // only one is honoured: session, user, address, store, flag, times
	CombineOr
	CombineLast // only one is honoured: the last of those
)

// Match says how a text is compared.
type Match int

const (
	MatchExact Match = iota
	MatchPrefix
	MatchContains
)

// TimeFilter says what a time in a search means.
type TimeFilter int

const (
	TimeBefore TimeFilter = iota // before or at
	TimeAfter                    // after or at
	TimeEqual
	TimeIgnored
	TimeRejected    // 400
	TimeRejected500 // 500
)

// TimeForm is a way to write a time.
type TimeForm int

const (
	FormOffset  TimeForm = iota // 2017-05-31T13:56:19.000-07:00
	FormZulu                    // 2017-05-31T20:56:19.000Z
	FormCompact                 // 2017-05-31T13:56:19.000-0700
	FormEpoch                   // 1496264179000
	FormSeconds                 // as FormOffset or FormZulu, without fraction
)

// BadTime is what a search does with a time in a form that it does not know.
type BadTime int

const (
	BadTimeRejected BadTime = iota // 400
	BadTimeRejected500
	BadTimeIgnored
	BadTimeNoMatch
)

// Query is one search, as it was understood.
type Query struct {
	Fields  map[string]string // by field name; those that hold something
	Unknown []string          // other names in the body, pageSize and fromIndex among them

	// Filled in when it was answered:
	At      time.Time // on the server's clock
	Matches int
	Total   int // totalRecords
	Rows    int

	times   map[string]time.Time
	noMatch bool
}

// readQuery reads a search from a request. A status other than 0 refuses it.
func readQuery(r *http.Request, f *Filter) (q Query, status int) {
	q.Fields = make(map[string]string)
	q.times = make(map[string]time.Time)
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return q, http.StatusBadRequest
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return q, http.StatusUnsupportedMediaType
	}
	raw := make(map[string]json.RawMessage)
	if len(body) > 0 && json.Unmarshal(body, &raw) != nil {
		return q, http.StatusBadRequest
	}
	for name, value := range raw {
		if !slices.Contains(fieldOrder, name) {
			q.Unknown = append(q.Unknown, name)
			continue
		}
		text, ok := scalar(value)
		if !ok {
			return q, http.StatusBadRequest
		}
		if text != "" && !slices.Contains(f.Ignore, name) {
			q.Fields[name] = text
		}
	}
	slices.Sort(q.Unknown)
	// The parameters of the URL: a store counts only next to a user.
	params := r.URL.Query()
	fromURL := func(param, field string) {
		if v := params.Get(param); v != "" && q.Fields[field] == "" {
			q.Fields[field] = v
		}
	}
	fromURL("sessionId", FieldSessionID)
	fromURL("userId", FieldUserID)
	if params.Get("userId") != "" {
		fromURL("idStore", FieldStore)
	}
	if flag, ok := q.Fields[FieldImpersonating]; ok {
		b, err := strconv.ParseBool(flag)
		if err != nil {
			return q, http.StatusBadRequest
		}
		q.Fields[FieldImpersonating] = strconv.FormatBool(b)
		if !b && f.FalseIsUnset {
			delete(q.Fields, FieldImpersonating)
		}
	}
	return q, q.readTimes(f)
}

// scalar returns a JSON string, number, boolean or null as text.
func scalar(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), raw[0] != '{' && raw[0] != '['
}

func (q *Query) readTimes(f *Filter) (status int) {
	for field, meaning := range map[string]TimeFilter{
		FieldExpiry: f.ExpiryTime, FieldLastAccess: f.LastAccessTime, FieldUpdate: f.UpdateTime,
	} {
		text, ok := q.Fields[field]
		if !ok {
			continue
		}
		switch meaning {
		case TimeRejected:
			return http.StatusBadRequest
		case TimeRejected500:
			return http.StatusInternalServerError
		case TimeIgnored:
			delete(q.Fields, field)
			continue
		}
		t, form, err := readTime(text)
		if err == nil && (len(f.TimeForms) == 0 || slices.Contains(f.TimeForms, form)) {
			q.times[field] = t
			continue
		}
		switch f.BadTime {
		case BadTimeRejected:
			return http.StatusBadRequest
		case BadTimeRejected500:
			return http.StatusInternalServerError
		case BadTimeIgnored:
			delete(q.Fields, field)
		case BadTimeNoMatch:
			q.noMatch = true
		}
	}
	return 0
}

func readTime(s string) (time.Time, TimeForm, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), FormEpoch, nil
	}
	if t, err := time.Parse("2006-01-02T15:04:05-0700", s); err == nil {
		return t, FormCompact, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, 0, fmt.Errorf("not a time: %q", s)
	}
	switch {
	case !strings.Contains(s, "."):
		return t, FormSeconds, nil
	case strings.HasSuffix(s, "Z"):
		return t, FormZulu, nil
	}
	return t, FormOffset, nil
}
