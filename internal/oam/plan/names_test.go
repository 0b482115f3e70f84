package plan

import (
	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/oam/probe"
	"iam_session_exporter/internal/oam/search"
)

// What is asked, and what is answered.
type (
	Query        = filter.Query
	Row          = filter.Row
	Answer       = filter.Answer
	Form         = filter.Form
	Capabilities = filter.Capabilities
	Tri          = filter.Tri
	Time         = filter.Time
	field        = filter.Field
	kinds        = filter.Kinds
)

const (
	Window = filter.Window

	AnyFlag       = filter.AnyFlag
	Impersonating = filter.Impersonating
	Plain         = filter.Plain

	Found      = filter.Found
	NoMatch    = filter.NoMatch
	Rejected   = filter.Rejected
	Unanswered = filter.Unanswered

	FormUnknown = filter.FormUnknown
	FormTotal   = filter.FormTotal
	Form404     = filter.Form404
	Form204     = filter.Form204
	FormOther   = filter.FormOther

	Unknown      = filter.Unknown
	Yes          = filter.Yes
	No           = filter.No
	Exact        = filter.Exact
	Loose        = filter.Loose
	Sensitive    = filter.Sensitive
	Insensitive  = filter.Insensitive
	Drawn        = filter.Sampled
	Fixed        = filter.Stable
	All          = filter.All
	Capped       = filter.Capped
	TimeUnknown  = filter.TimeUnknown
	TimeBefore   = filter.TimeBefore
	TimeAfter    = filter.TimeAfter
	TimeEqual    = filter.TimeEqual
	TimeIgnored  = filter.TimeIgnored
	TimeRejected = filter.TimeRejected

	fieldNone  = filter.NoField
	fieldUser  = filter.ByUser
	fieldIP    = filter.ByIP
	fieldStore = filter.ByStore
	fieldFlag  = filter.ByFlag

	ofUser  = filter.OfUser
	ofIP    = filter.OfIP
	ofStore = filter.OfStore
)

// What tests look into.
type (
	Result = evidence.Result
	Asker  = Client
	lesson = search.Value
)

const (
	doubtFor   = 4 * 60 * 60
	probeEvery = 4 * 60 * 60
	nowhere    = "192.0.2.255"
	nobody     = "no-such-one"
	farAhead   = probe.FarAhead
)
