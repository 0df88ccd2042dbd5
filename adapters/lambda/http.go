package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/datawire/github-runner-provisioner/provisioner/webhook"
)

// receiver is the transport-free core of the webhook.
type receiver interface {
	Receive(ctx context.Context, q webhook.Request) webhook.Answer
}

// serveHTTP answers a request of a function URL or an HTTP API, whatever its path. Repeated headers
// come joined by commas, the query as it was sent.
func serveHTTP(ctx context.Context, r receiver, event []byte) (events.APIGatewayV2HTTPResponse, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(event, &e); err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	header := make(http.Header, len(e.Headers))
	for k, v := range e.Headers {
		header.Set(k, v)
	}
	a := receive(ctx, r, e.RequestContext.HTTP.Method, header, e.RawQueryString, e.Body, e.IsBase64Encoded)
	return events.APIGatewayV2HTTPResponse{StatusCode: a.Code, Headers: single(a.Header()), Body: string(a.JSON())}, nil
}

// serveALB answers a request of a load balancer, in the form that its target group asked in: with
// all values of a header or parameter, or with the last alone.
func serveALB(ctx context.Context, r receiver, event []byte) (events.ALBTargetGroupResponse, error) {
	var e events.ALBTargetGroupRequest
	if err := json.Unmarshal(event, &e); err != nil {
		return events.ALBTargetGroupResponse{}, err
	}
	header := make(http.Header, len(e.Headers)+len(e.MultiValueHeaders))
	for k, v := range e.Headers {
		header.Set(k, v)
	}
	for k, vs := range e.MultiValueHeaders {
		header.Set(k, strings.Join(vs, ","))
	}
	a := receive(ctx, r, e.HTTPMethod, header, albQuery(e), e.Body, e.IsBase64Encoded)
	resp := events.ALBTargetGroupResponse{
		StatusCode: a.Code, StatusDescription: strconv.Itoa(a.Code) + " " + http.StatusText(a.Code), Body: string(a.JSON()),
	}
	if e.MultiValueHeaders != nil {
		resp.MultiValueHeaders = a.Header()
	} else {
		resp.Headers = single(a.Header())
	}
	return resp, nil
}

// albQuery puts the query together again, whose parameters a load balancer hands on as they were
// sent, escapes and all.
func albQuery(e events.ALBTargetGroupRequest) string {
	var pairs []string
	for k, v := range e.QueryStringParameters {
		pairs = append(pairs, k+"="+v)
	}
	for k, vs := range e.MultiValueQueryStringParameters {
		for _, v := range vs {
			pairs = append(pairs, k+"="+v)
		}
	}
	return strings.Join(pairs, "&")
}

// receive hands a request to the core. The signature is over the bytes that GitHub sent, so a body
// in base64 is decoded first.
func receive(ctx context.Context, r receiver, method string, header http.Header, query, body string, encoded bool) webhook.Answer {
	values, err := url.ParseQuery(query)
	q := webhook.Request{Method: method, Header: header, Query: values, MalformedQuery: err != nil, Body: []byte(body)}
	if encoded {
		if q.Body, err = base64.StdEncoding.DecodeString(body); err != nil {
			q.Body = nil // which no good signature is over
		}
	}
	return r.Receive(ctx, q)
}

func single(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k := range h {
		m[k] = h.Get(k)
	}
	return m
}
