package provenance

import (
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/internal/strict"
)

// predicateV02 is as much of https://slsa.dev/spec/v0.2/provenance as is read.
type predicateV02 struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
	BuildType  string `json:"buildType"`
	Invocation struct {
		ConfigSource struct {
			URI        string            `json:"uri"`
			Digest     map[string]string `json:"digest"`
			EntryPoint string            `json:"entryPoint"`
		} `json:"configSource"`
	} `json:"invocation"`
	Metadata struct {
		// "buildInvocationId" in the specification, and with a capital D in
		// in-toto's Go types, which slsa-github-generator uses.
		InvocationID string    `json:"buildInvocationId"`
		InvocationXD string    `json:"buildInvocationID"`
		Finished     time.Time `json:"buildFinishedOn"`
	} `json:"metadata"`
	Materials []resource `json:"materials"`
}

func parseV02(data []byte) (Provenance, error) {
	var doc predicateV02
	if err := strict.JSON(data, &doc); err != nil {
		return Provenance{}, err
	}
	p := Provenance{
		BuilderID: doc.Builder.ID, BuildType: doc.BuildType, Workflow: doc.Invocation.ConfigSource.EntryPoint,
		InvocationID: max(doc.Metadata.InvocationID, doc.Metadata.InvocationXD), Finished: doc.Metadata.Finished,
	}
	if strings.HasPrefix(doc.BuildType, "tekton.dev/") || strings.HasPrefix(doc.BuildType, "https://tekton.dev/") {
		var found []source
		for _, m := range doc.Materials {
			if !isGit(m.URI) {
				continue
			}
			s, err := m.source()
			if err != nil {
				return Provenance{}, err
			}
			found = append(found, s)
		}
		p.from(one(found))
		return p, nil
	}
	config := resource{URI: doc.Invocation.ConfigSource.URI, Digest: doc.Invocation.ConfigSource.Digest}
	s, err := config.source()
	if err != nil {
		return Provenance{}, err
	}
	fromFirst := strings.HasPrefix(doc.BuildType, "https://github.com/slsa-framework/slsa-github-generator") ||
		strings.HasPrefix(doc.BuildType, "https://github.com/npm/cli/gha")
	for i, r := range doc.Materials {
		repository, _ := Repository(r.URI)
		if repository != s.repository && !(i == 0 && fromFirst) {
			continue
		}
		m, err := r.source()
		if err != nil {
			return Provenance{}, err
		}
		if i > 0 || !fromFirst {
			m.ref = ""
		}
		if s, err = agree("source", s, m); err != nil {
			return Provenance{}, err
		}
	}
	p.from(s)
	return p, nil
}

// predicateV01 is as much of https://slsa.dev/spec/v0.1/provenance as is read.
type predicateV01 struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
	Recipe struct {
		Type       string `json:"type"`
		EntryPoint string `json:"entryPoint"`
		Arguments  struct {
			Substitutions map[string]string `json:"substitutions"`
		} `json:"arguments"`
	} `json:"recipe"`
	Metadata struct {
		InvocationID string    `json:"buildInvocationId"`
		Finished     time.Time `json:"buildFinishedOn"`
	} `json:"metadata"`
	Materials []resource `json:"materials"`
}

func parseV01(data []byte) (Provenance, error) {
	var doc predicateV01
	if err := strict.JSON(data, &doc); err != nil {
		return Provenance{}, err
	}
	p := Provenance{
		BuilderID: doc.Builder.ID, BuildType: doc.Recipe.Type, Workflow: doc.Recipe.EntryPoint,
		InvocationID: doc.Metadata.InvocationID, Finished: doc.Metadata.Finished,
	}
	if len(doc.Materials) == 0 {
		return p, nil
	}
	s, err := doc.Materials[0].source()
	if err != nil {
		return Provenance{}, err
	}
	if repository, id, ok := strings.Cut(s.repository, "/commit/"); ok {
		// As version 0.2 of the builder wrote it.
		if s.commit, err = commit(map[string]string{"sha1": id}); err != nil {
			return Provenance{}, err
		}
		s.repository = repository
	}
	if strings.HasPrefix(s.repository, "gs://") {
		// A file in a bucket, whose digest is no commit.
		s = source{repository: s.repository}
	} else if tag := doc.Recipe.Arguments.Substitutions["TAG_NAME"]; tag != "" {
		if s, err = agree("source", s, source{ref: "refs/tags/" + tag}); err != nil {
			return Provenance{}, err
		}
	}
	p.from(s)
	return p, nil
}
