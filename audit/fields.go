package audit

import (
	"go.uber.org/zap/zapcore"

	"patgate/policy"
)

// category gives the heading of the route's file in the table.
func (e *Event) category() string {
	if e.Route == nil || e.Route.Category == "" {
		return "none"
	}
	return e.Route.Category
}

// decided writes the fields of a decision.
func (e *Event) decided(l *line) {
	l.id(keyRequestID, e.ID)
	if e.Client.IsValid() {
		l.address(keyClient, e.Client)
	}
	l.text(keyCredential, e.Credential.String())
	if e.TokenID != 0 {
		e.holder(l)
		if e.StoreLost {
			l.text(keyStore, "lost")
		}
	}
	l.verdict(e)
}

// holder writes which token it was, and whose. A name is as its owner wrote it.
func (e *Event) holder(l *line) {
	if l.encoder == nil && e.TokenID == l.token && e.TokenName == l.tokenName && e.OwnerName == l.ownerName &&
		e.OwnerID == l.owner {
		l.json = append(l.json, l.held...)
		return
	}
	from := len(l.json)
	l.number(keyTokenID, e.TokenID)
	if e.TokenName != "" {
		l.text(keyTokenName, e.TokenName)
	}
	l.number(keyOwnerID, e.OwnerID)
	if e.OwnerName != "" {
		l.text(keyOwnerName, e.OwnerName)
	}
	if l.encoder == nil {
		l.token, l.owner, l.tokenName, l.ownerName = e.TokenID, e.OwnerID, e.TokenName, e.OwnerName
		l.held = append(l.held[:0], l.json[from:]...)
	}
}

// request writes what was asked for.
func (e *Event) request(l *line) {
	l.text(keyMethod, e.Method)
	if e.Route != nil {
		l.text(keyRoute, e.Route.Path)
	}
	switch {
	case e.Permission != "":
		l.text(keyPermission, e.Permission)
	case e.Route != nil && e.Route.Action != "":
		l.permission(e.Route.Action, e.Route.Resource)
	}
	if e.Boundary != 0 {
		l.text(keyBoundary, e.Boundary.String())
	}
}

// container writes which one was checked. Its path is for people, whose encoder takes it out of a field that others skip.
func (e *Event) container(l *line) {
	if e.BoundaryID != 0 {
		l.number(keyBoundaryID, e.BoundaryID)
	}
	if l.encoder != nil && e.Container != "" {
		l.fields = append(l.fields, zapcore.Field{Key: plainContainer, Type: zapcore.SkipType, String: e.Container})
	}
}

// verdict writes what was decided.
func (e *Event) verdict(l *line) {
	if e.Act != policy.ActNone {
		l.text(keyAct, e.Act.String())
	}
	l.text(keyVerdict, e.Verdict.String())
	l.text(keyReason, e.Reason)
}

// limit writes which limit denied it.
func (e *Event) limit(l *line) {
	if e.Ceiling != "" {
		l.text(keyCeiling, e.Ceiling)
	}
}

// outcome writes the fields of a completion.
func (e *Event) outcome(l *line) {
	l.number(keyStatus, int64(e.Status))
	l.number(keyBytes, e.ResponseBytes)
	l.number(keyRequestBytes, e.RequestBytes)
	l.number(keyDurationUS, e.Duration.Microseconds())
	if e.Upstream > 0 {
		l.number(keyUpstreamUS, e.Upstream.Microseconds())
	}
	if e.Failure != "" {
		l.text(keyFailure, e.Failure)
	}
}

// The fields of a line, as they stand in JSON.
const (
	keyRequestID    key = `,"request_id":`
	keyClient       key = `,"client":`
	keyCredential   key = `,"credential":`
	keyTokenID      key = `,"token_id":`
	keyOwnerID      key = `,"owner_id":`
	keyTokenName    key = `,"token_name":`
	keyOwnerName    key = `,"owner_name":`
	keyStore        key = `,"store":`
	keyMethod       key = `,"method":`
	keyRoute        key = `,"route":`
	keyPermission   key = `,"permission":`
	keyBoundary     key = `,"boundary":`
	keyBoundaryID   key = `,"boundary_id":`
	keyAct          key = `,"act":`
	keyVerdict      key = `,"verdict":`
	keyReason       key = `,"reason":`
	keyCeiling      key = `,"limit":`
	keyStatus       key = `,"status":`
	keyBytes        key = `,"bytes":`
	keyRequestBytes key = `,"request_bytes":`
	keyDurationUS   key = `,"duration_us":`
	keyUpstreamUS   key = `,"upstream_us":`
	keyFailure      key = `,"failure":`
)
