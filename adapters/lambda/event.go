package main

import (
	"encoding/json"
	"errors"
)

// shape is the kind of an event, by what its sender can't leave out.
type shape int

const (
	shapeUnknown  shape = iota
	shapeHTTP           // a function URL, or an API Gateway HTTP API with payload format 2.0
	shapeALB            // an Application Load Balancer
	shapeSQS            // a batch of messages
	shapeSchedule       // EventBridge
)

var errShape = errors.New("the event is none of: function URL or HTTP API (payload format 2.0), load balancer, SQS batch, EventBridge schedule")

// shapeOf looks at the few fields that tell the shapes apart.
func shapeOf(event []byte) shape {
	var e struct {
		Version        string `json:"version"`
		RequestContext struct {
			HTTP *struct {
				Method string `json:"method"`
			} `json:"http"`
			ELB *struct{} `json:"elb"`
		} `json:"requestContext"`
		Records []struct {
			Source string `json:"eventSource"`
		} `json:"Records"`
		Source string `json:"source"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return shapeUnknown
	}
	switch {
	case e.RequestContext.HTTP != nil:
		return shapeHTTP
	case e.RequestContext.ELB != nil:
		return shapeALB
	case len(e.Records) > 0 && e.Records[0].Source == "aws:sqs":
		return shapeSQS
	case e.Source == "aws.events" || e.Source == "aws.scheduler":
		return shapeSchedule
	}
	return shapeUnknown
}
