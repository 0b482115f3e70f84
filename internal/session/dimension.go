package session

// Dimension is a property by which sessions are counted. Its values are those
// of the metric label "dimension".
type Dimension string

const (
	DimensionStatus        Dimension = "status"
	DimensionRole          Dimension = "role"
	DimensionClientIP      Dimension = "client_ip"
	DimensionIdentityStore Dimension = "identity_store"
	DimensionLoginType     Dimension = "login_type"
)

// Known reports whether it is known which value of a labelled dimension the session
// has, or that it has none.
func (s *Session) Known(d Dimension) bool {
	return d != DimensionIdentityStore || !s.StoreUnknown
}

// Value returns the session's value of a labelled dimension as the API spells
// it; "" where the API did not tell, and for DimensionStatus.
func (s *Session) Value(d Dimension) string {
	switch d {
	case DimensionRole:
		return s.Role
	case DimensionClientIP:
		return s.ClientIP
	case DimensionIdentityStore:
		return s.IdentityStore
	case DimensionLoginType:
		return s.LoginType
	}
	return ""
}
