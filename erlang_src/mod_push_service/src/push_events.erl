%% What an event of an engine means on the ejabberd side: a log line at the level of whom it
%% concerns, and the end of a dead device. error: pushes of the app do not go out; warning: an
%% operator may have to act; info: connections; debug: one push that was refused or failed. Of
%% accepted pushes engines send no events, but where one is asked for: see push_usage.
-module(push_events).

-export([handle_all/3, handle/2, log/2, short/1]).

-include("logger.hrl").

%% Alarms that stop an app's pushes; what is not named here is a warning.
-define(FATAL, [configuration, clock_skew, server_certificate]).

%% Takes and gives the text of the alarm that the log shows, for as long as there is no connection:
%% the end of a connection for that very reason is no news.
-spec handle_all(App :: binary(), [apns_nif:event() | map()], Alarm :: none | binary()) ->
    none | binary().
handle_all(App, Events, Alarm) ->
    ok = push_usage:note(App, Events),
    lists:foldl(fun(Event, Last) ->
        ok = handle(App, shortened(Event, Last)),
        last_alarm(Event, Last)
    end, Alarm, Events).

shortened(#{event := connection_down, reason := Alarm} = Event, Alarm) ->
    Event#{reason := <<"see the alarm">>};
shortened(Event, _Alarm) ->
    Event.

last_alarm(#{event := alarm, detail := Detail}, _Last) -> Detail;
last_alarm(#{event := connection_up}, _Last) -> none;
last_alarm(_Event, Last) -> Last.

-spec handle(App :: binary(), apns_nif:event() | map()) -> ok.
handle(App, #{event := token_invalid, token := Token, timestamp := Timestamp} = Event) ->
    push_loader:token_invalid(App, maps:get(owner, Event, none), Token, Timestamp,
                              maps:get(reason, Event, <<"no reason">>));
handle(App, #{event := alarm, alarm := Alarm, detail := Detail}) ->
    case lists:member(Alarm, ?FATAL) of
        true -> ?ERROR_MSG("Push app ~ts: alarm ~ts: ~ts", [App, Alarm, Detail]);
        false -> ?WARNING_MSG("Push app ~ts: alarm ~ts: ~ts", [App, Alarm, Detail])
    end;
handle(App, #{event := connection_up, address := Address}) ->
    ?INFO_MSG("Push app ~ts: connected to ~ts", [App, Address]);
handle(App, #{event := connection_down, reason := Reason} = Event) ->
    case Event of
        %% Ended in good order, or after good work: nobody has to act, unless the next one fails.
        #{retry_in := 0} ->
            ?INFO_MSG("Push app ~ts: ~ts; another connection is made at once", [App, Reason]);
        #{retry_in := Ms} ->
            ?WARNING_MSG("Push app ~ts: no connection: ~ts; trying again in ~B ms",
                         [App, Reason, Ms]);
        %% The others go on.
        _ ->
            ?INFO_MSG("Push app ~ts: a connection less: ~ts", [App, Reason])
    end;
handle(App, #{event := paused}) ->
    ?ERROR_MSG("Push app ~ts is paused: pushes wait, and one goes now and then to see whether it "
               "is over", [App]);
handle(App, #{event := resumed, paused_ms := Ms}) ->
    ?INFO_MSG("Push app ~ts goes on, after ~B seconds of pause", [App, Ms div 1000]);
handle(App, #{event := credentials_reloaded, detail := Detail}) ->
    ?INFO_MSG("Push app ~ts: ~ts is used from now on", [App, Detail]);
handle(App, #{event := Outcome} = Event) when Outcome =:= rejected; Outcome =:= failed ->
    log(App, Event);
handle(App, #{event := Other}) ->
    ?WARNING_MSG("Push app ~ts: unexpected event ~p", [App, Other]).

%% A push that Apple did not take.
-spec log(App :: binary(), apns_nif:event() | map()) -> ok.
log(App, #{event := rejected, apns_id := Id, status := Status, token := Token} = Event) ->
    ?DEBUG("Push app ~ts: push ~ts to ~ts rejected: ~B ~ts",
           [App, Id, short(Token), Status, maps:get(reason, Event, <<>>)]);
log(App, #{event := failed, apns_id := Id, cause := Cause, token := Token}) ->
    ?DEBUG("Push app ~ts: push ~ts to ~ts failed: ~ts", [App, Id, short(Token), Cause]).

%% All that a log may hold of a device token.
-spec short(binary()) -> binary().
short(<<Start:8/binary, _, _/binary>>) -> <<Start/binary, "...">>;
short(Token) -> Token.
