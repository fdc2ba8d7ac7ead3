%% @doc Waits for the events of an app, always with a deadline.
-module(apns_events).

-export([outcomes/2, outcomes/3, outcome/1, outcome_of/2, ids/1]).
-export([collect/2, kind/2]).

-define(DEADLINE_MS, 10000).

%% Exactly this many outcomes of pushes, oldest first. One more fails the test, if it is there.
outcomes(App, Count) ->
    outcomes(App, Count, ?DEADLINE_MS).

outcomes(App, Count, WithinMs) ->
    outcomes(App, Count, deadline(WithinMs), []).

outcomes(App, Left, Deadline, Newest) when Left > 0 ->
    receive
        {apns, App, Events} ->
            Outcomes = lists:filter(fun is_outcome/1, Events),
            outcomes(App, Left - length(Outcomes), Deadline, lists:reverse(Outcomes, Newest))
    after left(Deadline) ->
        error({outcomes_missing, Left, {got, lists:sublist(Newest, 5)}})
    end;
outcomes(App, 0, Deadline, Newest) ->
    receive
        {apns, App, Events} ->
            [] = lists:filter(fun is_outcome/1, Events),
            outcomes(App, 0, Deadline, Newest)
    after 0 ->
        lists:reverse(Newest)
    end.

%% The only outcome.
outcome(App) ->
    [Outcome] = outcomes(App, 1),
    Outcome.

%% The outcome of this push, whatever else comes before.
outcome_of(App, Id) ->
    outcome_of(App, Id, deadline(?DEADLINE_MS)).

outcome_of(App, Id, Deadline) ->
    receive
        {apns, App, Events} ->
            case [E || #{apns_id := I} = E <- Events, I =:= Id, is_outcome(E)] of
                [Outcome] -> Outcome;
                [] -> outcome_of(App, Id, Deadline)
            end
    after left(Deadline) ->
        error({no_outcome, Id})
    end.

%% What comes, until there is an event of each of these kinds; each kind once or more.
collect(App, Kinds) ->
    collect(App, Kinds, deadline(?DEADLINE_MS)).

collect(_App, [], _Deadline) ->
    [];
collect(App, Kinds, Deadline) ->
    receive
        {apns, App, Events} ->
            Events ++ collect(App, Kinds -- [Kind || #{event := Kind} <- Events], Deadline)
    after left(Deadline) ->
        error({no_event, Kinds})
    end.

kind(Kind, Events) ->
    [Event || #{event := K} = Event <- Events, K =:= Kind].

%% Which pushes these events end, sorted.
ids(Events) ->
    lists:sort([Id || #{apns_id := Id} <- Events]).

is_outcome(#{event := Kind}) ->
    lists:member(Kind, [accepted, rejected, failed]).

deadline(WithinMs) ->
    erlang:monotonic_time(millisecond) + WithinMs.

left(Deadline) ->
    max(0, Deadline - erlang:monotonic_time(millisecond)).
