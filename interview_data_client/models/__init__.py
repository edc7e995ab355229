"""Contains all the data models used in inputs/outputs"""

from .account_usage import AccountUsage
from .accounts_usage import AccountsUsage
from .ai_cost import AiCost
from .ai_costs import AiCosts
from .api_health import ApiHealth
from .api_healths import ApiHealths
from .append import Append
from .appended import Appended
from .appended_event import AppendedEvent
from .attempt import Attempt
from .backfill_api_metrics_api_metric import BackfillApiMetricsApiMetric
from .backfill_interview_metrics_interview_metric import BackfillInterviewMetricsInterviewMetric
from .backfill_interview_metrics_interview_metric_dimensions_type_0 import (
    BackfillInterviewMetricsInterviewMetricDimensionsType0,
)
from .backfill_user_events_user_event import BackfillUserEventsUserEvent
from .backfill_user_events_user_event_event_data_type_0 import (
    BackfillUserEventsUserEventEventDataType0,
)
from .backlog import Backlog
from .broken_rule import BrokenRule
from .compare import Compare
from .consumption import Consumption
from .consumption_enforcement import ConsumptionEnforcement
from .consumption_mode import ConsumptionMode
from .consumption_resource import ConsumptionResource
from .consumption_source import ConsumptionSource
from .contract import Contract
from .contracts import Contracts
from .credentials import Credentials
from .day_of_use import DayOfUse
from .deliveries import Deliveries
from .delivery import Delivery
from .delivery_history import DeliveryHistory
from .delivery_history_state import DeliveryHistoryState
from .delivery_state import DeliveryState
from .device import Device
from .devices import Devices
from .endpoint import Endpoint
from .endpoint_change import EndpointChange
from .endpoints import Endpoints
from .entitlement import Entitlement
from .entitlement_enforcement import EntitlementEnforcement
from .entitlement_mode import EntitlementMode
from .entitlement_resource import EntitlementResource
from .entitlement_source import EntitlementSource
from .entitlements import Entitlements
from .event_problem import EventProblem
from .event_problem_status import EventProblemStatus
from .event_receipt import EventReceipt
from .event_receipt_status import EventReceiptStatus
from .event_status import EventStatus
from .event_status_status import EventStatusStatus
from .grain import Grain
from .health import Health
from .history import History
from .interview import Interview
from .interview_overview import InterviewOverview
from .interview_overviews import InterviewOverviews
from .interview_settings_type_0 import InterviewSettingsType0
from .json_web_key import JsonWebKey
from .key import Key
from .key_set import KeySet
from .key_state import KeyState
from .keys import Keys
from .list_deliveries_state_type_0 import ListDeliveriesStateType0
from .login_link import LoginLink
from .made_key import MadeKey
from .made_key_state import MadeKeyState
from .mail_sent import MailSent
from .mailed_token import MailedToken
from .monthly_usage import MonthlyUsage
from .new_endpoint import NewEndpoint
from .new_event import NewEvent
from .new_event_event_data import NewEventEventData
from .new_key import NewKey
from .new_key_scopes_item import NewKeyScopesItem
from .new_user import NewUser
from .numbers import Numbers
from .numbers_enforcement import NumbersEnforcement
from .numbers_mode import NumbersMode
from .numbers_resource import NumbersResource
from .numbers_source import NumbersSource
from .problem import Problem
from .problem_invalid_parameters_item import ProblemInvalidParametersItem
from .public_interview import PublicInterview
from .question import Question
from .read_contract_response_200 import ReadContractResponse200
from .readiness import Readiness
from .readiness_affected import ReadinessAffected
from .readiness_dependencies import ReadinessDependencies
from .readiness_dependencies_additional_property import ReadinessDependenciesAdditionalProperty
from .readiness_status import ReadinessStatus
from .receipt import Receipt
from .refresh import Refresh
from .refusal import Refusal
from .replayed import Replayed
from .reservation_state import ReservationState
from .reservation_state_resource import ReservationStateResource
from .reservation_state_state import ReservationStateState
from .reserved import Reserved
from .reserved_resource import ReservedResource
from .reserved_state import ReservedState
from .reset_confirm import ResetConfirm
from .reset_request import ResetRequest
from .resource import Resource
from .resource_usage import ResourceUsage
from .rotation import Rotation
from .sign_out import SignOut
from .slice_ import Slice
from .slice_key import SliceKey
from .stored_event import StoredEvent
from .stored_event_event_data import StoredEventEventData
from .take_api_metrics_api_metric import TakeApiMetricsApiMetric
from .take_interview_metrics_interview_metric import TakeInterviewMetricsInterviewMetric
from .take_interview_metrics_interview_metric_dimensions_type_0 import (
    TakeInterviewMetricsInterviewMetricDimensionsType0,
)
from .take_user_events_user_event import TakeUserEventsUserEvent
from .take_user_events_user_event_event_data_type_0 import TakeUserEventsUserEventEventDataType0
from .timeline import Timeline
from .timeline_entry import TimelineEntry
from .timeline_entry_details import TimelineEntryDetails
from .tokens import Tokens
from .waiting_file import WaitingFile
from .wanted import Wanted
from .wanted_commit import WantedCommit
from .wanted_endpoint import WantedEndpoint
from .wanted_reservation import WantedReservation
from .wanted_reservation_resource import WantedReservationResource
from .wanted_resource import WantedResource
from .watermark import Watermark

__all__ = (
    "AccountsUsage",
    "AccountUsage",
    "AiCost",
    "AiCosts",
    "ApiHealth",
    "ApiHealths",
    "Append",
    "Appended",
    "AppendedEvent",
    "Attempt",
    "BackfillApiMetricsApiMetric",
    "BackfillInterviewMetricsInterviewMetric",
    "BackfillInterviewMetricsInterviewMetricDimensionsType0",
    "BackfillUserEventsUserEvent",
    "BackfillUserEventsUserEventEventDataType0",
    "Backlog",
    "BrokenRule",
    "Compare",
    "Consumption",
    "ConsumptionEnforcement",
    "ConsumptionMode",
    "ConsumptionResource",
    "ConsumptionSource",
    "Contract",
    "Contracts",
    "Credentials",
    "DayOfUse",
    "Deliveries",
    "Delivery",
    "DeliveryHistory",
    "DeliveryHistoryState",
    "DeliveryState",
    "Device",
    "Devices",
    "Endpoint",
    "EndpointChange",
    "Endpoints",
    "Entitlement",
    "EntitlementEnforcement",
    "EntitlementMode",
    "EntitlementResource",
    "Entitlements",
    "EntitlementSource",
    "EventProblem",
    "EventProblemStatus",
    "EventReceipt",
    "EventReceiptStatus",
    "EventStatus",
    "EventStatusStatus",
    "Grain",
    "Health",
    "History",
    "Interview",
    "InterviewOverview",
    "InterviewOverviews",
    "InterviewSettingsType0",
    "JsonWebKey",
    "Key",
    "Keys",
    "KeySet",
    "KeyState",
    "ListDeliveriesStateType0",
    "LoginLink",
    "MadeKey",
    "MadeKeyState",
    "MailedToken",
    "MailSent",
    "MonthlyUsage",
    "NewEndpoint",
    "NewEvent",
    "NewEventEventData",
    "NewKey",
    "NewKeyScopesItem",
    "NewUser",
    "Numbers",
    "NumbersEnforcement",
    "NumbersMode",
    "NumbersResource",
    "NumbersSource",
    "Problem",
    "ProblemInvalidParametersItem",
    "PublicInterview",
    "Question",
    "ReadContractResponse200",
    "Readiness",
    "ReadinessAffected",
    "ReadinessDependencies",
    "ReadinessDependenciesAdditionalProperty",
    "ReadinessStatus",
    "Receipt",
    "Refresh",
    "Refusal",
    "Replayed",
    "ReservationState",
    "ReservationStateResource",
    "ReservationStateState",
    "Reserved",
    "ReservedResource",
    "ReservedState",
    "ResetConfirm",
    "ResetRequest",
    "Resource",
    "ResourceUsage",
    "Rotation",
    "SignOut",
    "Slice",
    "SliceKey",
    "StoredEvent",
    "StoredEventEventData",
    "TakeApiMetricsApiMetric",
    "TakeInterviewMetricsInterviewMetric",
    "TakeInterviewMetricsInterviewMetricDimensionsType0",
    "TakeUserEventsUserEvent",
    "TakeUserEventsUserEventEventDataType0",
    "Timeline",
    "TimelineEntry",
    "TimelineEntryDetails",
    "Tokens",
    "WaitingFile",
    "Wanted",
    "WantedCommit",
    "WantedEndpoint",
    "WantedReservation",
    "WantedReservationResource",
    "WantedResource",
    "Watermark",
)
