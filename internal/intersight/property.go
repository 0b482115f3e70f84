package intersight

// property is one of iam.Session that is asked for. SessionId must never be one of
// them: it is the token of a live session.
type property int

const (
	propMoid property = iota
	propCreateTime
	propEndTime
	propStatus
	propRole
	propUserIDOrEmail
	propUser
	propClientIPAddress
	propExpiration
	propIdleTimeExpiration
	propLastLoginTime
	propFailedLogins
	propLoginType // the last one that is always asked for

	propAccountMoid     // where sessions are filtered by it
	propLastLoginClient // where identities are wanted
	numProperties
)

// propertyName is how a property is asked for, and how name returns it.
type propertyName struct{ asked, lower string }

func propertyNames() [numProperties]propertyName {
	return [...]propertyName{
		propMoid:               {"Moid", "moid"},
		propCreateTime:         {"CreateTime", "createtime"},
		propEndTime:            {"EndTime", "endtime"},
		propStatus:             {"Status", "status"},
		propRole:               {"Role", "role"},
		propUserIDOrEmail:      {"UserIdOrEmail", "useridoremail"},
		propUser:               {"User", "user"},
		propClientIPAddress:    {"ClientIpAddress", "clientipaddress"},
		propExpiration:         {"Expiration", "expiration"},
		propIdleTimeExpiration: {"IdleTimeExpiration", "idletimeexpiration"},
		propLastLoginTime:      {"LastLoginTime", "lastlogintime"},
		propFailedLogins:       {"FailedLogins", "failedlogins"},
		propLoginType:          {"LoginType", "logintype"},
		propAccountMoid:        {"AccountMoid", "accountmoid"},
		propLastLoginClient:    {"LastLoginClient", "lastloginclient"},
	}
}

func (p property) String() string { return propertyNames()[p].asked }

// fields are the values of a row; those not told are nil.
type fields [numProperties]raw
