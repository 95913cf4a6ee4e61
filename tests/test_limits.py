"""Every limit has its tests, at it and one past it: this table says which, and is compared with those there are."""

import pytest

from signalling.limits import Limits
from tests.names import names_of_tests

TESTS: dict[str, tuple[str, ...]] = {
    "message_bytes": (
        "test_bytes_of_a_message",
        "test_64_kib_are_read",
        "test_one_byte_more_is_too_large",
        "test_t8_an_answer_of_64_kib_is_passed_on",
    ),
    "hello_seconds": ("test_seconds_until_hello",),
    "heartbeat_seconds": ("test_a_client_that_answers_pings_stays",),
    "silence_seconds": ("test_a_client_that_answers_no_ping_is_4002",),
    "resume_seconds": (
        "test_a_lost_connection_is_nobody_elses_business",
        "test_after_the_window_the_session_is_over_and_the_others_are_told",
    ),
    "buffer_frames": (
        "test_buffer_frames_the_oldest_give_way_and_who_asks_for_them_starts_anew",
        "test_a_buffer_that_overflows_while_its_peer_is_away_ends_the_session_at_that_moment",
    ),
    "buffer_bytes": ("test_buffer_bytes_bound_it_as_well",),
    "buffer_total_bytes": ("test_buffer_total_bytes_leave_everybody_an_equal_share",),
    "buffer_seconds": ("test_buffer_seconds_let_go_of_frames_by_age_only_while_connected",),
    "connections": ("test_connections_in_all", "test_sessions_that_are_away_are_bounded_in_all"),
    "connections_per_address": (
        "test_t23_connections_from_one_address_and_those_open_are_not_touched",
        "test_sessions_of_one_address_that_are_away_are_bounded_and_the_longest_gives_way",
    ),
    "messages_per_second": ("test_messages_are_taken_up_again_at_their_rate",),
    "messages_burst": ("test_t22_the_burst_passes_then_messages_are_rate_limited_then_the_connection_is_closed",),
    "refused_messages": (
        "test_t22_the_burst_passes_then_messages_are_rate_limited_then_the_connection_is_closed",
        "test_who_is_a_little_too_fast_stays",
    ),
    "misbehaviour": ("test_the_tenth_misbehaviour_within_a_minute_closes_the_connection",),
    "misbehaviour_seconds": ("test_misbehaviour_is_forgotten_after_a_minute",),
    "unsent_bytes": (
        "test_exactly_the_limit_may_be_unsent",
        "test_t20_a_slow_consumer_is_cut_off_at_one_byte_more_and_what_was_pending_is_dropped",
    ),
    "open_calls": ("test_open_calls_of_a_caller", "test_open_calls_of_a_callee"),
    "unanswered_per_session": ("test_unanswered_calls_to_one_callee_from_one_session",),
    "unanswered_per_source": ("test_unanswered_calls_to_one_callee_from_one_source",),
    "unanswered_per_callee": ("test_unanswered_calls_to_one_callee_in_all",),
    "table_capacity": (
        "test_a_full_table_refuses_newcomers",
        "test_more_than_the_limit_is_refused_and_not_clamped",
    ),
    "tables_per_session": ("test_a_ninth_table_is_too_many",),
    "kick_seconds": ("test_a_kicked_peer_is_refused_for_ten_minutes_with_a_new_session_too",),
    "ban_seconds": ("test_its_id_is_refused_for_ten_minutes_and_not_longer",),
    "ended_call_seconds": ("test_seconds_for_which_an_ended_call_is_remembered",),
    "unknown_peers": ("test_t27_unknown_peers_that_one_source_dials",),
    "unknown_peers_seconds": ("test_t27_unknown_peers_that_one_source_dials",),
    "failures": (
        "test_t27_failed_proofs_of_one_source_for_one_peer",
        "test_t27_guessing_is_refused_after_ten_failures_and_a_right_guess_too",
    ),
    "failures_seconds": ("test_attempts_are_refused_at_the_limit_until_their_window_has_passed",),
    "login_failures": (
        "test_t35_after_some_failures_a_source_is_refused_whatever_the_password",
        "test_one_failure_before_the_limit_is_admitted_and_the_window_passes",
    ),
    "login_failures_per_account": ("test_t35_an_account_is_guessed_at_from_everywhere_only_so_often",),
    "posts_per_second": ("test_posts_of_one_source",),
    "posts_burst": ("test_posts_of_one_source",),
    "silent_target_per_second": ("test_t6_a_silent_target_gets_its_burst_and_then_its_rate",),
    "silent_target_burst": ("test_t6_a_silent_target_gets_its_burst_and_then_its_rate",),
    "known_target_per_second": ("test_a_target_that_has_answered_gets_more",),
    "known_target_burst": ("test_a_target_that_has_answered_gets_more",),
    "network_per_second": ("test_t6_the_network_of_a_victim_gets_its_burst_and_then_its_rate",),
    "network_burst": ("test_t6_the_network_of_a_victim_gets_its_burst_and_then_its_rate",),
    "breaker_failures": ("test_a_target_that_failed_three_times_is_left_alone_for_a_while",),
    "breaker_seconds": ("test_a_breaker_opens_after_failures_in_a_row_and_closes_after_its_time",),
    "outbound": ("test_t9_requests_at_once_are_limited",),
    "outbound_per_source": ("test_t9_requests_at_once_are_limited",),
    "outbound_per_target": ("test_t9_requests_at_once_are_limited",),
    "lookups": ("test_t9_names_that_never_resolve_do_not_keep_addresses_from_being_dialled",),
    "drain_seconds": ("test_r6_a_client_that_does_not_close_holds_it_up_no_longer_than_draining_lasts",),
    "http_connections": ("test_t14_connections_that_are_no_websockets_are_bounded_in_all",),
    "http_connections_per_address": (
        "test_t14_one_address_holds_128_connections_that_are_no_websockets",
        "test_t14_a_place_that_was_left_is_free",
    ),
    "request_seconds": (
        "test_t14_what_has_begun_is_told_408",
        "test_t14_five_hundred_slow_requests_are_closed_and_others_served_meanwhile",
    ),
    "inbound_frames": ("test_t19_what_is_not_taken_up_stays_with_the_sender_and_nothing_is_lost",),
    "small_frames_per_second": ("test_t21_a_lively_client_may_ping_and_send_in_fragments",),
    "small_frames_burst": (
        "test_t21_a_lively_client_may_ping_and_send_in_fragments",
        "test_t21_a_million_end_that_connection_within_two_seconds_and_hold_up_nobody",
    ),
    "traces": ("test_so_many_ended_calls_are_kept_and_the_first_to_end_gives_way",),
    "tracked": ("test_what_the_limiters_remember_is_bounded", "test_a_flood_of_other_keys_does_not_lift_a_refusal"),
}


def test_every_limit_is_in_the_table() -> None:
    assert set(TESTS) == set(Limits.model_fields)


@pytest.mark.parametrize("limit", TESTS)
def test_the_tests_of_a_limit_exist(limit: str) -> None:
    assert set(TESTS[limit]) <= names_of_tests()
