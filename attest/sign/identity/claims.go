package identity

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxClaim is how long a claim may be that becomes part of an identity: the
// longest that any specification allows is a SPIFFE ID of 2,048 bytes
// (https://github.com/spiffe/spiffe/blob/v1.0.0/standards/SPIFFE-ID.md).
const maxClaim = 2048

// claims are those that say whose a token is, for whom and how long. The rest
// is passed over, so that a new claim of an issuer breaks nothing.
//
// What a claim is for is said where it is used: see identity.go.
type claims struct {
	Issuer        string      `json:"iss"`
	Subject       string      `json:"sub"`
	Audience      audience    `json:"aud"`
	Expires       numericDate `json:"exp"`
	NotBefore     numericDate `json:"nbf"`
	Email         string      `json:"email"`
	EmailVerified looseBool   `json:"email_verified"`

	JobWorkflowRef   string `json:"job_workflow_ref"`
	CIConfigRefURI   string `json:"ci_config_ref_uri"`
	OrganizationSlug string `json:"organization_slug"`
	PipelineSlug     string `json:"pipeline_slug"`
	PlatformURL      string `json:"platform_url"`
	AccountName      string `json:"account_name"`
	AccountID        string `json:"account_id"`
	PipelineName     string `json:"pipeline_name"`
	CircleProject    string `json:"oidc.circleci.com/project-id"`
	CircleDefinition string `json:"oidc.circleci.com/pipeline-definition-id"`
	// Issuers differ in what kind of value these are.
	PipelineID looseString    `json:"pipeline_id"`
	Kubernetes jsontext.Value `json:"kubernetes.io"`
	Federated  jsontext.Value `json:"federated_claims"`

	kubernetes struct {
		Namespace      string `json:"namespace"`
		ServiceAccount struct {
			Name string `json:"name"`
		} `json:"serviceaccount"`
	}
	federated struct {
		ConnectorID string `json:"connector_id"`
	}
}

func readClaims(data []byte) (claims, error) {
	var c claims
	if err := object(data); err != nil {
		return claims{}, err
	}
	if err := strict.JSON(data, &c); err != nil {
		return claims{}, err
	}
	// Some issuers mean other things by these names: what is no object is none
	// of ours.
	if strings.HasPrefix(string(c.Kubernetes), "{") {
		_ = strict.JSON(c.Kubernetes, &c.kubernetes)
	}
	if strings.HasPrefix(string(c.Federated), "{") {
		_ = strict.JSON(c.Federated, &c.federated)
	}
	c.Kubernetes, c.Federated = nil, nil
	for _, claim := range c.identifying() {
		if len(claim.value) > maxClaim {
			return claims{}, fmt.Errorf("%s has %d bytes, expected at most %d", claim.name, len(claim.value), maxClaim)
		}
	}
	// OpenID Connect Core 1.0, section 2: iss, sub, aud and exp are REQUIRED.
	// https://openid.net/specs/openid-connect-core-1_0.html#IDToken
	switch {
	case c.Issuer == "":
		return claims{}, errors.New("iss is missing: expected who issued it")
	case c.Subject == "":
		return claims{}, errors.New("sub is missing: expected whom it is about")
	case len(c.Audience) == 0:
		return claims{}, errors.New("aud is missing: expected whom it is for")
	case time.Time(c.Expires).IsZero():
		return claims{}, errors.New("exp is missing: expected when it ends")
	}
	return c, nil
}

// identifying lists the claims that can become part of what is shown or of a
// certificate.
func (c *claims) identifying() []struct{ name, value string } {
	return []struct{ name, value string }{
		{"iss", c.Issuer},
		{"sub", c.Subject},
		{"email", c.Email},
		{"job_workflow_ref", c.JobWorkflowRef},
		{"ci_config_ref_uri", c.CIConfigRefURI},
		{"organization_slug", c.OrganizationSlug},
		{"pipeline_slug", c.PipelineSlug},
		{"platform_url", c.PlatformURL},
		{"account_name", c.AccountName},
		{"account_id", c.AccountID},
		{"pipeline_name", c.PipelineName},
		{"pipeline_id", string(c.PipelineID)},
		{"oidc.circleci.com/project-id", c.CircleProject},
		{"oidc.circleci.com/pipeline-definition-id", c.CircleDefinition},
		{"kubernetes.io", c.kubernetes.Namespace + c.kubernetes.ServiceAccount.Name},
		{"federated_claims", c.federated.ConnectorID},
	}
}

// audience is the claim aud.
//
// RFC 7519, section 4.1.3: "the 'aud' value is an array of case-sensitive
// strings"; "in the special case when the JWT has one audience, the 'aud' value
// MAY be a single case-sensitive string".
// https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		*a = audience{""}
		return json.Unmarshal(data, &(*a)[0])
	}
	if json.Unmarshal(data, (*[]string)(a)) != nil {
		return errors.New("is no audience: expected a name or a list of names")
	}
	return nil
}

// numericDate is a time in seconds since 1970, possibly with a fraction.
// https://www.rfc-editor.org/rfc/rfc7519#section-2
type numericDate time.Time

func (d *numericDate) UnmarshalJSON(data []byte) error {
	// Beyond the year 9999 times are written in no form that others read.
	const most = 253402300799
	var seconds float64
	if json.Unmarshal(data, &seconds) != nil || seconds <= 0 || seconds > most {
		return errors.New("is no time: expected seconds since 1970")
	}
	*d = numericDate(time.Unix(int64(seconds), 0).UTC())
	return nil
}

// looseBool is a boolean that some issuers write as a string. Everything but
// true is false.
type looseBool bool

func (b *looseBool) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `true`, `"true"`, `"True"`:
		*b = true
	default:
		*b = false
	}
	return nil
}

// looseString is a string that some issuers write as a number. Everything else
// is none.
type looseString string

func (s *looseString) UnmarshalJSON(data []byte) error {
	switch c := data[0]; {
	case c == '"':
		return json.Unmarshal(data, (*string)(s))
	case c == '-' || c >= '0' && c <= '9':
		*s = looseString(data)
	}
	return nil
}
