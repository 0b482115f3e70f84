package intersight

import (
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
	"LastLoginClient", "LastLoginTime", "ModTime", "Moid", "ObjectType", "Owners", "Parent",
	"Permission", "PermissionResources", "Role", "Scope", "SessionId", "SharedScope", "Status",
	"Tags", "User", "UserIdOrEmail", "VersionContext",
}

// missingOnOld are those that builds of 1.0.9 did not have.
var missingOnOld = []string{"EndTime", "Role", "Status", "UserIdOrEmail", "FailedLogins", "SessionId"}

func (o *Options) has(property string) bool {
	return slices.Contains(properties, property) && !slices.Contains(o.Missing, property) &&
		!(o.OldAppliance && slices.Contains(missingOnOld, property))
}

func (i *Handler) serveSessions(w http.ResponseWriter, r *http.Request, o *Options, trace string) {
	q, refused := parseList(r, o, o.has)
	if refused != nil {
		fail(w, http.StatusBadRequest, wire.JSON, trace, "InvalidRequest", "barcelona_request_invalid", refused.message, refused.params...)
		return
	}
	var seed uint64
	i.random(func(r *rand.Rand) { seed = r.Uint64() })
	rows, total := page(i.world, q, rand.New(rand.NewPCG(seed, 0)), o.Ordered)
	if o.RotateIDs {
		i.rotate(rows, q.skip == 0)
	}
	if o.CountIsRows {
		total = len(rows)
	}
	if o.CountCap > 0 {
		total = min(total, o.CountCap)
	}
	var b wire.Object
	b.Open()
	if q.onlyCnt {
		b.Text("ObjectType", "mo.DocumentCount")
		b.Number("Count", int64(total))
		b.Close()
		reply(w, r, o, b.B)
		return
	}
	show := make(map[string]bool, len(properties))
	for _, p := range properties {
		show[p] = o.has(p) && (q.selected == nil || q.selected[p])
	}
	if show["SessionId"] && len(rows) > 0 {
		i.count(func(s *Stats) { s.Leaks++ })
	}
	b.Text("ObjectType", "iam.Session.List")
	if q.inline && !o.NoCount {
		b.Number("Count", int64(total))
	}
	b.Key("Results")
	gaps := i.limits().Gaps
	if len(rows) == 0 {
		b.B = append(b.B, "null"...)
	} else {
		b.List(len(rows), func(n int) {
			row := sessionRow{wire.Object{B: b.B}, &rows[n], o, show}
			row.write(gaps)
			b.B = row.B
		})
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

func (r *sessionRow) write(gaps float64) {
	s := r.s
	r.Open()
	r.fixed("AccountMoid", `"`+accountMoid+`"`)
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
	if user := s.User; s.UserMoid != "" && r.show["User"] && float64(r.chance("UserIdOrEmail")%1000) < gaps*1000 {
		r.maybe("UserIdOrEmail", "")
	} else {
		r.maybe("UserIdOrEmail", user)
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
		fail(w, http.StatusForbidden, wire.JSON, trace, "UnauthorizedOperation", "iam_user_is_unauthorized", "Operation is not permitted for the user.")
		return
	default:
		fail(w, o.LimitsStatus, wire.JSON, trace, "NotFound", "barcelona_resource_not_found", "The requested URL does not exist.")
		return
	}
	q, refused := parseList(r, o, func(name string) bool { return slices.Contains(limitProperties, name) })
	if refused != nil {
		fail(w, http.StatusBadRequest, wire.JSON, trace, "InvalidRequest", "barcelona_request_invalid", refused.message, refused.params...)
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

	var b wire.Object
	b.Open()
	b.Text("ObjectType", "iam.SessionLimits.List")
	if q.inline && !o.NoCount {
		b.Number("Count", int64(objects))
	}
	b.Key("Results")
	if len(order) == 0 {
		b.B = append(b.B, "null"...)
	} else {
		b.List(len(order), func(n int) {
			b.B = appendLimits(b.B, order[n], i.limits(), q.selected, nullPermission)
		})
	}
	b.Close()
	reply(w, r, o, b.B)
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
