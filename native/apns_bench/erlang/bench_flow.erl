%% @doc Pushes without an end, from one process or several, for one app or several, until it is
%% stopped; and what they cost meanwhile.
%%
%% Each caller knows what all apns-ids it was given add up to, and what those of its outcomes do:
%% at the end it must be the same.
-module(bench_flow).

-export([start/1, cost/2, stop/1]).
-export_type([flow/0, flow_options/0]).

-opaque flow() :: #{apps := [apns_nif:app()], callers := [pid()]}.

-type flow_options() :: #{
    apps := [apns_nif:app()],
    target := fun((Number :: non_neg_integer()) -> apns_nif:target()),
    payload := fun((Number :: non_neg_integer()) -> apns_nif:notification()),
    %% Pushes inside at most, over all callers and apps.
    room := pos_integer(),
    %% Several callers ask for their outcomes with each push; the only one is the apps' receiver.
    callers => receiver | pos_integer(),
    %% Gets the nanoseconds of each notify.
    time => fun((Ns :: integer()) -> _)
}.

-record(caller, {
    apps :: tuple(),
    target :: fun((non_neg_integer()) -> apns_nif:target()),
    payloads :: tuple(),
    notify :: fun(),
    room :: pos_integer(),
    next :: non_neg_integer(),
    inside = 0 :: non_neg_integer(),
    ids = 0 :: non_neg_integer()
}).

%% A power of two, so that the next one is found by masking.
-define(PAYLOADS, 256).
%% Callers begin so far from each other.
-define(APART, 100003).
-define(PATIENCE_MS, 30000).
%% Of so many stretches the median is told.
-define(STRETCHES, 3).
-define(STRETCH_MS, 700).
-define(WARM_UP_MS, 500).

-spec start(flow_options()) -> flow().
start(#{apps := Apps} = Options) ->
    {Count, Notify} =
        case maps:get(callers, Options, receiver) of
            receiver -> {1, fun apns_nif:notify/3};
            Callers -> {Callers, fun notify_and_reply/3}
        end,
    #{apps => Apps, callers => [start(Number, Count, Notify, Options) || Number <- seq(Count)]}.

start(Number, Count, Notify, Options) ->
    #{apps := Apps, target := Target, payload := Payload, room := Room} = Options,
    Caller = #caller{
        apps = list_to_tuple(Apps),
        target = Target,
        payloads = list_to_tuple([Payload(N) || N <- seq(?PAYLOADS)]),
        notify = timed(Options, Notify),
        room = Room div Count,
        next = Number * ?APART
    },
    spawn_link(fun() ->
        Count > 1 orelse [ok = apns_nif:set_event_receiver(App, self()) || App <- Apps],
        bench_program:failing(fun() -> push(Caller) end)
    end).

notify_and_reply(App, Target, Notification) ->
    apns_nif:notify(App, Target, Notification, #{reply_to => self()}).

timed(#{time := Time}, Notify) ->
    fun(App, Target, Notification) ->
        Start = erlang:monotonic_time(nanosecond),
        Taken = Notify(App, Target, Notification),
        _ = Time(erlang:monotonic_time(nanosecond) - Start),
        Taken
    end;
timed(#{}, Notify) ->
    Notify.

push(#caller{inside = Inside, room = Room} = Caller) when Inside < Room ->
    #caller{next = Next, apps = Apps, target = Target, payloads = Payloads} = Caller,
    App = element(Next rem tuple_size(Apps) + 1, Apps),
    Payload = element(Next band (?PAYLOADS - 1) + 1, Payloads),
    case (Caller#caller.notify)(App, Target(Next), Payload) of
        {ok, [Id]} ->
            Ids = Caller#caller.ids bxor number(Id),
            push(Caller#caller{next = Next + 1, inside = Inside + 1, ids = Ids});
        %% The engine had no turn yet: outcomes will tell of room.
        {error, overloaded} when Inside > 0 ->
            wait(Caller);
        {error, Reason} ->
            throw({bench, "notify refuses a push: ~p", [Reason]})
    end;
push(Caller) ->
    wait(Caller).

wait(Caller) ->
    receive
        {apns, _App, Events} -> push(ended(Events, Caller));
        {stop, From} -> drain(From, Caller)
    after ?PATIENCE_MS ->
        throw({bench, "~b pushes have no outcome", [Caller#caller.inside]})
    end.

drain(From, #caller{inside = 0, ids = 0}) ->
    From ! {stopped, self()};
drain(_From, #caller{inside = 0}) ->
    throw({bench, "not each push had the one outcome", []});
drain(From, Caller) ->
    receive
        {apns, _App, Events} -> drain(From, ended(Events, Caller))
    after ?PATIENCE_MS ->
        throw({bench, "~b pushes have no outcome", [Caller#caller.inside]})
    end.

ended([#{event := accepted, apns_id := Id} | Events], #caller{inside = Inside} = Caller) ->
    Ids = Caller#caller.ids bxor number(Id),
    ended(Events, Caller#caller{inside = Inside - 1, ids = Ids});
ended([#{event := connection_up} | Events], Caller) ->
    ended(Events, Caller);
ended([], Caller) ->
    Caller;
ended([Event | _Events], _Caller) ->
    throw({bench, "not every push was just accepted: ~p", [Event]}).

%% As many of its random digits as make a small integer.
number(<<Number:56, _/binary>>) ->
    Number.

%% What a push costs, once the flow is under way.
-spec cost(flow(), bench_sink:sink()) -> bench_moment:cost().
cost(#{callers := _}, Sink) ->
    receive after ?WARM_UP_MS -> ok end,
    Costs = [stretch(Sink) || _ <- seq(?STRETCHES)],
    maps:map(fun(Key, _) -> bench_runs:median(Key, Costs) end, hd(Costs)).

stretch(Sink) ->
    Before = bench_moment:now(Sink),
    receive after ?STRETCH_MS -> ok end,
    bench_moment:between(Before, bench_moment:now(Sink)).

%% Returns when all pushes have had their outcomes.
-spec stop(flow()) -> ok.
stop(#{apps := Apps, callers := Callers}) ->
    [Caller ! {stop, self()} || Caller <- Callers],
    [receive {stopped, Caller} -> ok end || Caller <- Callers],
    [ok = apns_nif:set_event_receiver(App, self()) || App <- Apps],
    ok.

seq(Count) ->
    lists:seq(1, Count).
