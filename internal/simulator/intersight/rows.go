package intersight

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

const (
	accountMoid = "59c84e4a16267c0001c23428"
	domainMoid  = "5b25418d7a7662743465cf72"
	zeroTime    = "0001-01-01T00:00:00Z"
)

// properties are those of iam.Session, in the order in which they are sent.
var properties = []string{
	"AccountMoid", "AccountPermissions", "Ancestors", "ClassId", "ClientIpAddress", "CreateTime",
	"DisplayNames", "DomainGroupMoid", "EndTime", "Expiration", "FailedLogins", "IdleTimeExpiration",
	"LastLoginClient", "LastLoginTime", "LoginType", "ModTime", "Moid", "ObjectType", "Owners", "Parent",
	"Permission", "PermissionResources", "Role", "Scope", "SessionId", "SharedScope", "Status",
	"Tags", "User", "UserIdOrEmail", "VersionContext",
}

// missingOnOld are those that builds of 1.0.9 did not have.
var missingOnOld = []string{"EndTime", "Role", "Status", "UserIdOrEmail", "FailedLogins", "SessionId", "LoginType"}

// texts are the properties by which sessions can be filtered, with their values.
var texts = map[string]func(*world.Session) string{
	"AccountMoid":     account,
	"ClientIpAddress": func(s *world.Session) string { return s.ClientIP },
	"LastLoginClient": func(s *world.Session) string { return s.LastLoginClient },
	"LoginType":       func(s *world.Session) string { return s.LoginType },
	"Moid":            func(s *world.Session) string { return s.ID },
	"Role":            func(s *world.Session) string { return s.Role },
	"Status":          func(s *world.Session) string { return s.State },
	"UserIdOrEmail":   func(s *world.Session) string { return s.User },
}

func account(s *world.Session) string { return cmp.Or(s.Account, accountMoid) }

// fits returns which sessions a query is for, nil for all. A value that a row does
// not tell is not found either.
func (q *listQuery) fits(o *Options, gaps float64) func(*world.Session) bool {
	if q.filter == nil || o.IgnoreFilter {
		return nil
	}
	return func(s *world.Session) bool {
		return q.filter(func(property string) (string, bool) {
			of := texts[property]
			if of == nil || !o.has(property) || property == "UserIdOrEmail" && nameless(s, gaps) {
				return "", false
			}
			text := of(s)
			return text, text != ""
		})
	}
}

// nameless reports whether a session tells its user by the relation alone.
func nameless(s *world.Session, gaps float64) bool {
	return s.UserMoid != "" && float64(world.Hash(s.ID, "UserIdOrEmail")>>8%1000) < gaps*1000
}

func (o *Options) has(property string) bool {
	return slices.Contains(properties, property) && !slices.Contains(o.Missing, property) &&
		!(o.OldAppliance && slices.Contains(missingOnOld, property))
}

func (i *Handler) serveSessions(w http.ResponseWriter, r *http.Request, o *Options, trace string) {
	q, refused := parseList(r, o, schema{
		known:   o.has,
		ordered: func(name string) bool { return orderings[name] != nil || name == "Moid" },
		texts:   func(name string) bool { return texts[name] != nil },
	})
	if refused != nil {
		refused.write(w, trace)
		return
	}
	var seed uint64
	i.random(func(r *rand.Rand) { seed = r.Uint64() })
	gaps := i.limits().Gaps
	rows, total := page(i.world, q, rand.New(rand.NewPCG(seed, 0)), o.Ordered, q.fits(o, gaps))
	if o.RotateIDs {
		i.rotate(rows, q.skip == 0)
	}
	if o.CountIsRows {
		total = len(rows)
	}
	if o.CountCap > 0 {
		total = min(total, o.CountCap)
	}
	show := make(map[string]bool, len(properties))
	for _, p := range properties {
		show[p] = o.has(p) && (q.selected == nil || q.selected[p])
	}
	if show["SessionId"] && len(rows) > 0 && !q.onlyCnt {
		i.count(func(s *Stats) { s.Leaks++ })
	}
	i.writeList(w, r, o, q, "iam.Session", total, len(rows), func(b *wire.Object, n int) {
		row := sessionRow{wire.Object{B: b.B}, &rows[n], o, show}
		row.write(gaps, q.filter != nil)
		b.B = row.B
	})
}

// writeList answers with a list of rows, or with their number if that is all that
// is asked for.
func (i *Handler) writeList(w http.ResponseWriter, r *http.Request, o *Options, q listQuery, class string, total, rows int, write func(b *wire.Object, n int)) {
	var b wire.Object
	b.Open()
	if q.onlyCnt {
		b.Text("ObjectType", "mo.DocumentCount")
		b.Number("Count", int64(total))
		b.Close()
		reply(w, r, o, b.B)
		return
	}
	b.Text("ObjectType", class+".List")
	if q.inline && !o.NoCount {
		b.Number("Count", int64(total))
	}
	b.Key("Results")
	if rows == 0 {
		b.B = append(b.B, "null"...)
	} else {
		b.List(rows, func(n int) { write(&b, n) })
	}
	b.Close()
	reply(w, r, o, b.B)
}

// sessionRow writes one iam.Session.
type sessionRow struct {
	wire.Object
	s    *world.Session
	o    *Options
	show map[string]bool
}

func (r *sessionRow) write(gaps float64, filtered bool) {
	s := r.s
	r.Open()
	r.maybe("AccountMoid", account(s))
	r.fixed("AccountPermissions", "[]")
	r.fixed("Ancestors", "[]")
	r.fixed("ClassId", `"iam.Session"`)
	r.maybe("ClientIpAddress", s.ClientIP)
	r.time("CreateTime", s.Created)
	r.fixed("DisplayNames", "null")
	r.fixed("DomainGroupMoid", `"`+domainMoid+`"`)
	r.time("EndTime", s.Ended)
	r.time("Expiration", s.Expires)
	if r.show["FailedLogins"] {
		if s.FailedLogins >= 0 {
			r.Number("FailedLogins", s.FailedLogins)
		} else if r.chance("FailedLogins")%2 == 0 {
			r.Raw("FailedLogins", "null")
		}
	}
	r.time("IdleTimeExpiration", s.IdlesAt)
	r.maybe("LastLoginClient", s.LastLoginClient)
	r.time("LastLoginTime", s.LastLogin)
	r.maybe("LoginType", s.LoginType)
	r.time("ModTime", s.Updated)
	if r.show["Moid"] {
		r.Text("Moid", s.ID)
	}
	r.fixed("ObjectType", `"iam.Session"`)
	r.fixed("Owners", `["`+accountMoid+`"]`)
	r.fixed("Parent", "null")
	r.ref("Permission", "iam.Permission", fmt.Sprintf("59cc595416267c0001%06x", uint32(world.Hash(s.Role))&0xffffff))
	r.fixed("PermissionResources", "[]")
	r.maybe("Role", s.Role)
	r.fixed("Scope", "null")
	r.maybe("SessionId", tokenOf(s.ID))
	r.fixed("SharedScope", `""`)
	r.maybe("Status", s.State)
	r.fixed("Tags", "[]")
	r.ref("User", "iam.User", s.UserMoid)
	// The relation still says who it is where this is not told.
	if nameless(s, gaps) && (r.show["User"] || filtered) {
		r.maybe("UserIdOrEmail", "")
	} else {
		r.maybe("UserIdOrEmail", s.User)
	}
	r.fixed("VersionContext", "null")
	r.Close()
}

// chance is a number that is always the same for one property of one session.
func (r *sessionRow) chance(property string) uint64 { return world.Hash(r.s.ID, property) >> 8 }

func (r *sessionRow) fixed(name, json string) {
	if r.show[name] {
		r.Raw(name, json)
	}
}

// maybe writes a text; an empty one is absent, null or "".
func (r *sessionRow) maybe(name, value string) {
	if !r.show[name] {
		return
	}
	if value == "" {
		switch r.chance(name) % 3 {
		case 0:
			return
		case 1:
			r.Raw(name, "null")
			return
		}
	}
	r.Text(name, value)
}

func (r *sessionRow) ref(name, class, moid string) {
	if !r.show[name] {
		return
	}
	if moid == "" {
		if r.chance(name)%2 == 0 {
			r.Raw(name, "null")
		}
		return
	}
	r.Key(name)
	r.B = appendRef(r.B, class, moid)
}

func appendRef(b []byte, class, moid string) []byte {
	o := wire.Object{B: b}
	o.Open()
	o.Text("ClassId", "mo.MoRef")
	o.Text("Moid", moid)
	o.Text("ObjectType", class)
	o.Text("link", "https://www.intersight.com/api/v1/iam/"+class[len("iam."):]+"s/"+moid)
	o.Close()
	return o.B
}

func (r *sessionRow) time(name string, t time.Time) {
	if !r.show[name] {
		return
	}
	if t.IsZero() {
		how := r.o.Unset
		if how == UnsetMixed {
			how = UnsetAbsent + Unset(r.chance(name)%3)
		}
		switch how {
		case UnsetNull:
			r.Raw(name, "null")
		case UnsetZero:
			r.Text(name, zeroTime)
		}
		return
	}
	layout := "2006-01-02T15:04:05.999Z"
	if r.o.NoFractions {
		layout = "2006-01-02T15:04:05Z"
	} else if r.chance(name)%2 == 0 {
		layout = "2006-01-02T15:04:05.000Z"
	}
	r.Text(name, t.UTC().Format(layout))
}

// limitProperties are those of iam.SessionLimits.
var limitProperties = []string{
	"Account", "AccountMoid", "ClassId", "CreateTime", "DomainGroupMoid", "IdleTimeOut", "MaximumLimit",
	"ModTime", "Moid", "ObjectType", "Owners", "PerUserLimit", "Permission", "SessionTimeOut", "Tags",
}

func (i *Handler) serveLimits(w http.ResponseWriter, r *http.Request, o *Options, trace string) {
	switch o.LimitsStatus {
	case 0:
	case http.StatusForbidden:
		forbid(w, trace)
		return
	default:
		fail(w, o.LimitsStatus, wire.JSON, trace, "NotFound", "barcelona_resource_not_found", "The requested URL does not exist.")
		return
	}
	q, refused := parseList(r, o, schema{
		known:   func(name string) bool { return slices.Contains(limitProperties, name) },
		ordered: func(name string) bool { return name == "Moid" },
		texts:   func(string) bool { return false },
	})
	if refused != nil {
		refused.write(w, trace)
		return
	}
	overrides := o.LimitsOverrides
	if overrides == 0 {
		overrides = 2
	}
	objects := max(overrides, 0) + 1
	if o.LimitsAbsent {
		objects = 0
	}
	var order []int
	nullPermission := false
	i.random(func(r *rand.Rand) { order, nullPermission = r.Perm(objects), r.IntN(2) == 0 })
	order = order[min(q.skip, objects):]
	order = order[:min(q.top, len(order))]

	i.writeList(w, r, o, q, "iam.SessionLimits", objects, len(order), func(b *wire.Object, n int) {
		b.B = appendLimits(b.B, order[n], i.limits(), q.selected, nullPermission)
	})
}

// appendLimits writes the account's object (0) or that of a permission.
func appendLimits(b []byte, which int, p world.Population, selected map[string]bool, nullPermission bool) []byte {
	o := wire.Object{B: b}
	show := func(name string) bool { return selected == nil || selected[name] }
	limit := func(name string, value int64) {
		if show(name) && value > 0 {
			o.Number(name, value)
		}
	}
	idle, life := int64(p.IdleTimeout/time.Second), int64(p.Lifetime/time.Second)
	most, perUser := int64(p.Max), int64(p.MaxPerUser)
	if which > 0 { // an override is never what the account has
		idle, life, most, perUser = idle+int64(which), life+int64(which), most/2+1, perUser/2+1
	}
	o.Open()
	if show("Account") {
		o.Key("Account")
		o.B = appendRef(o.B, "iam.Account", accountMoid)
	}
	if show("AccountMoid") {
		o.Text("AccountMoid", accountMoid)
	}
	o.Text("ClassId", "iam.SessionLimits")
	limit("IdleTimeOut", idle)
	limit("MaximumLimit", most)
	o.Text("Moid", fmt.Sprintf("59c84e4a16267c0001c2%04x", which))
	o.Text("ObjectType", "iam.SessionLimits")
	limit("PerUserLimit", perUser)
	if show("Permission") {
		if which > 0 {
			o.Key("Permission")
			o.B = appendRef(o.B, "iam.Permission", fmt.Sprintf("59cc595416267c0001%06x", which))
		} else if nullPermission {
			o.Raw("Permission", "null")
		}
	}
	limit("SessionTimeOut", life)
	if show("Tags") {
		o.Raw("Tags", "[]")
	}
	o.Close()
	return o.B
}
