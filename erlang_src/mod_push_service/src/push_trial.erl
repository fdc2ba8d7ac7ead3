%% A test push: to each device of a user, with what became of it. It goes the way of all pushes
%% from the engine's door on, and is counted as they are.
-module(push_trial).

-export([run/3, default_text/0]).
%% Pure
-export([notification/4, outcome/2]).

-export_type([outcome/0]).

-include("logger.hrl").

-type outcome() :: #{
    device := push_devices:device(),
    outcome := accepted | rejected | failed | timeout,
    status := non_neg_integer(),        %% HTTP's, 0: there was none
    reason := binary(),                 %% Apple's word, or ours for what went wrong before Apple
    apns_id := binary(),                %% <<>>: no push was made
    advice := binary()
}.
-type event() :: apns_nif:event() | timeout | {error, Reason :: term()}.

%% Seconds after which neither the engine nor Apple sends the push any more. A test is about now;
%% a connection to Apple may take 10.
-define(LIFETIME, 15).
%% Milliseconds that the outcomes are waited for: beyond the lifetime, so that the engine can say
%% itself why the push did not go.
-define(TIMEOUT, 20000).

-spec default_text() -> binary().
default_text() ->
    <<"Test push. All is well.">>.

%% Apps: those of the user's vhost. In a process of its own: an outcome that comes late finds
%% nobody, instead of a process that does not know it.
-spec run([push_devices:device()], #{App :: binary() => map()}, Text :: binary()) ->
    {ok, [outcome()]} | {error, crashed}.
run(Devices, Apps, Text) ->
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Caller ! {self(), guarded(fun() -> outcomes(Devices, Apps, Text) end)}
    end),
    receive
        {Pid, Answer} ->
            true = demonitor(Monitor, [flush]),
            Answer;
        {'DOWN', Monitor, process, Pid, _} ->
            {error, crashed}
    end.

guarded(Fun) ->
    try {ok, Fun()}
    catch
        Class:_:Stack ->
            %% Neither reason nor arguments: they hold tokens.
            ?ERROR_MSG("Test push: ~p in ~p", [Class, [{M, F} || {M, F, _, _} <- Stack]]),
            {error, crashed}
    end.

%% The lifetime ends while an alarm pauses the app: then it is the alarm that one must know of.
explained(#{event := failed, cause := expired} = Event, App) ->
    try apns_nif:stats(App) of
        #{paused := 1} -> Event#{cause := paused};
        _ -> Event
    catch
        error:_ -> Event
    end;
explained(Event, _App) ->
    Event.

outcomes(Devices, Apps, Text) ->
    Sent = [{Device, send(Device, Apps, Text)} || Device <- Devices],
    Deadline = erlang:monotonic_time(millisecond) + ?TIMEOUT,
    Ended = collect([Id || {_, {ok, Id}} <- Sent], #{}, Deadline),
    [case Result of
         {ok, Id} -> outcome(Device, explained(maps:get(Id, Ended, {timeout, Id}), App));
         {error, _} -> outcome(Device, Result)
     end || {#{app := App} = Device, Result} <- Sent].

send(#{app := App}, Apps, _Text) when not is_map_key(App, Apps) ->
    {error, not_configured};
send(#{app := App, token := Token, kind := Kind}, _Apps, Text) ->
    Id = binary:encode_hex(crypto:strong_rand_bytes(8)),
    Notification = notification(Kind, Text, Id, erlang:system_time(second)),
    case push_trigger:notify_for(self(), App, {token, Token}, Notification) of
        {ok, [ApnsId]} -> {ok, ApnsId};
        {ok, []} -> {error, refused};
        {error, Reason} -> {error, Reason}
    end.

collect([], Ended, _Deadline) ->
    Ended;
collect(Waiting, Ended, Deadline) ->
    receive
        {apns, App, Events} ->
            ok = push_usage:note(App, Events),
            New = maps:from_list([{Id, Event} || #{apns_id := Id} = Event <- Events]),
            collect(Waiting -- maps:keys(New), maps:merge(Ended, New), Deadline);
        _ ->
            collect(Waiting, Ended, Deadline)
    after max(0, Deadline - erlang:monotonic_time(millisecond)) ->
        Ended
    end.

%% Without mutable_content: the text is to be seen as it is. A PushKit token rings: iOS ends an app
%% that does not show a call. Id: the call's.
-spec notification(alert | voip, Text :: binary(), Id :: binary(), Now :: non_neg_integer()) ->
    map().
notification(alert, Text, _Id, Now) ->
    #{push_type => alert, priority => 10, expiration => Now + ?LIFETIME, body => Text,
      sound => <<"default">>, custom => #{<<"test">> => true}};
notification(voip, Text, Id, Now) ->
    Call = #{<<"id">> => <<"test-", Id/binary>>, <<"media">> => [<<"audio">>],
             <<"from">> => Text},
    #{push_type => voip, priority => 10, expiration => Now + ?LIFETIME,
      custom => #{<<"test">> => true, <<"call">> => Call}}.

-spec outcome(push_devices:device(), event() | {timeout, apns_nif:apns_id()}) -> outcome().
outcome(Device, #{event := accepted, apns_id := Id}) ->
    result(Device, accepted, 0, <<>>, Id);
outcome(Device, #{event := rejected, apns_id := Id, status := Status} = Event) ->
    result(Device, rejected, Status, maps:get(reason, Event, <<>>), Id);
outcome(Device, #{event := failed, apns_id := Id, cause := Cause} = Event) ->
    Reason = case Event of
        #{reason := Last} -> <<(atom_to_binary(Cause))/binary, ", last answer: ", Last/binary>>;
        _ -> atom_to_binary(Cause)
    end,
    Result = result(Device, failed, maps:get(status, Event, 0), atom_to_binary(Cause), Id),
    Result#{reason := Reason};
outcome(Device, {timeout, Id}) ->
    result(Device, timeout, 0, <<"no_outcome">>, Id);
outcome(Device, {error, Reason}) ->
    result(Device, failed, 0, reason(Reason), <<>>).

reason(unknown_app) -> <<"app_down">>;
reason(stopped) -> <<"app_down">>;
reason(not_configured) -> <<"not_configured">>;
reason(overloaded) -> <<"overloaded">>;
reason(_) -> <<"refused">>.

result(Device, Outcome, Status, Reason, ApnsId) ->
    #{device => Device, outcome => Outcome, status => Status, reason => Reason,
      apns_id => ApnsId, advice => advice(Outcome, Reason)}.

advice(accepted, _) ->
    <<"Apple took it; if the phone shows nothing, it is off, or notifications are off there">>;
advice(rejected, <<"Unregistered">>) ->
    <<"the app is gone from the phone, or has another token now: the device is removed">>;
advice(rejected, <<"ExpiredToken">>) ->
    advice(rejected, <<"Unregistered">>);
advice(rejected, <<"BadDeviceToken">>) ->
    <<"not a token of the app's environment (sandbox or production), or none at all: the device "
      "is removed within seconds">>;
advice(rejected, <<"DeviceTokenNotForTopic">>) ->
    <<"a token of another app than the topic says">>;
advice(rejected, _) ->
    <<"docs/operations.md names Apple's reasons; the app must be mended, or its options">>;
advice(timeout, _) ->
    <<"no outcome in time: ejabberd's log says what is wrong with the app's connection">>;
advice(failed, <<"app_down">>) ->
    <<"the app does not run on this node: ejabberd's log says why">>;
advice(failed, <<"not_configured">>) ->
    <<"the vhost's option 'apps' does not name this app (any more)">>;
advice(failed, <<"overloaded">>) ->
    <<"the app's queue is full: ejabberd's log says what holds it up">>;
advice(failed, <<"paused">>) ->
    <<"an alarm pauses the app: ejabberd's log says which and what to do">>;
advice(failed, Cause) when Cause =:= <<"unreachable">>; Cause =:= <<"expired">> ->
    <<"Apple was out of reach, or put the push off again and again: a last answer is told in the "
      "reason; else look at network, firewall and ejabberd's log">>;
advice(failed, _) ->
    <<"try again; if it stays so, ejabberd's log says more">>.
