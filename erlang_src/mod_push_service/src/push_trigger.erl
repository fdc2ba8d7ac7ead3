%% From a message that reached nobody to the engines: policy, memory, content, notify. Runs in the
%% hooks, so it never waits and asks no database; a user whose devices this node has not read yet
%% goes to push_loader.
-module(push_trigger).

-export([message/3, mark/1, notify/3, notify_for/4, settle/2, owner_keys/2]).

-export_type([source/0, note/0, push/0, answer/0, us/0]).

-include("xmpp.hrl").

-type us() :: {LUser :: binary(), LServer :: binary()}.
%% offline: no session took the message, so every device of the user is meant. {pending, Pid}:
%% this session took it, but its phone is gone; devices that are online with a session of their
%% own are not meant.
-type source() :: offline | {pending, pid()}.
%% One notification, or for a call both its forms.
-type note() :: {message, map()} | {call, Voip :: map(), Alert :: map()}.
-type push() :: #{
    us := us(),
    key := binary(),                                %% the message's identity, see message_key/1
    notes := [{push_content:level(), note()}]       %% one for each level that devices can have
}.
%% What came of one notification. refused: nobody got it, and a later try may do better.
-type answer() :: taken | no_device | refused | unknown_owner.

%% Gives the message an identity that no sender can forge or repeat, before it goes to several
%% sessions or hooks. mod_mam's stanza_id is such a one; where there is none, ours survives
%% rerouting and the way to another node. Every message pays for it, pushed or not: a reference is
%% unique in the cluster and the cheapest to make.
-spec mark(message()) -> message().
mark(#message{meta = #{stanza_id := _}} = Msg) -> Msg;
mark(#message{meta = #{push_service_id := _}} = Msg) -> Msg;
mark(#message{meta = Meta} = Msg) -> Msg#message{meta = Meta#{push_service_id => make_ref()}}.

-spec message(source(), us(), message()) -> ok.
message(Source, {_, Host} = US, Msg) ->
    case push_settings:brief(Host) of
        {ok, Settings} -> decided(push_policy:decide(Msg), Source, US, Msg, Settings);
        none -> ok
    end.

decided({none, _Reason}, _Source, _US, _Msg, _Settings) ->
    push_counters:add(undeserved);
decided({push, Class, Shown}, Source, US, Msg, {Content, _} = Settings) ->
    Key = message_key(Msg),
    case audience(Source, US, Key) of
        nobody ->
            push_counters:add(duplicate);
        Audience ->
            case {Class, Audience} =:= {message, all} andalso has_no_device(US, Settings) of
                true ->
                    push_counters:add(no_device);
                false ->
                    Push = #{us => US, key => Key, notes => notes(Class, Shown, US, Key, Content)},
                    deliver(Audience, Push, Settings)
            end
    end.

%% Whether notify would answer no_device for every app and level: asked before the notifications
%% are made, since that costs more than all the rest. Not so for calls and where only some devices
%% are meant: there the loader asks the database.
has_no_device(US, {Content, Apps}) ->
    Asked = [{App, OwnerKey} || App <- Apps, {_, OwnerKey} <- owner_keys(US, Content)],
    lists:all(fun({App, OwnerKey}) -> is_known_without(App, OwnerKey) end, Asked).

%% What else it may be, the app down or the owner unknown, is for notify to say and to count.
is_known_without(App, OwnerKey) ->
    try apns_nif:count_devices(App, OwnerKey) =:= {ok, 0} andalso push_apps:is_running(App)
    catch error:_ -> false
    end.

%% One push per message and device. Where all devices are meant, the message is done; where only
%% some are, the loader keeps a key for each device, and this message stays one of that kind.
audience(Source, US, Key) ->
    Meant = case others_online(Source, US) of
        true -> some;
        false -> all
    end,
    case push_once:remember(once_key(US, Key), Meant) of
        first when Meant =:= all -> all;
        {again, all} -> nobody;
        _ -> {some, Source}
    end.

once_key(US, Key) ->
    [<<"message">>, 0, push_settings:owner(US), 0, Key].

others_online(offline, _US) -> false;
others_online({pending, Pid}, US) -> push_sessions:others(US, Pid).

deliver({some, offline}, Push, {_, Apps}) ->
    _ = push_loader:push({some, Push, Apps, []}),
    ok;
deliver({some, {pending, _}}, #{us := US} = Push, {_, Apps}) ->
    _ = push_loader:push({some, Push, Apps, push_sessions:online(US)}),
    ok;
%% Who rings is to be known of all devices together: see push_devices:ringing/1.
deliver(all, #{notes := [{_, {call, _, _}} | _]} = Push, Settings) ->
    deliver({some, offline}, Push, Settings);
deliver(all, #{us := US, key := Key, notes := Notes}, {Content, Apps}) ->
    Answers = [{notify(App, OwnerKey, Notification), {App, OwnerKey, Notification}}
               || App <- Apps,
                  {Level, {message, Notification}} <- Notes,
                  OwnerKey <- [owner_key(US, Level, Content)]],
    Known = [Answer || {Answer, _} <- Answers, Answer =/= unknown_owner],
    case [Pushes || {unknown_owner, Pushes} <- Answers] of
        [] ->
            settle(once_key(US, Key), Known);
        Unknown ->
            case push_loader:push({all, US, Unknown, {once_key(US, Key), Known}}) of
                ok -> ok;
                full -> settle(once_key(US, Key), [refused | Known])
            end
    end.

%% A message of which no engine took a push is not done: a later hook that sees it may find room,
%% or the app running again. Not so a call, which is over by then: this is for messages only.
-spec settle(OnceKey :: iodata(), [answer()]) -> ok.
settle(OnceKey, Answers) ->
    ok = case lists:all(fun(Answer) -> Answer =:= no_device end, Answers) of
        true -> push_counters:add(no_device);
        false -> ok
    end,
    case lists:member(refused, Answers) andalso not lists:member(taken, Answers) of
        true -> push_once:forget(OnceKey);
        false -> ok
    end.

%% Owners' names in the engines. Devices that chose a stricter level than their vhost's are kept
%% apart, so that one notify serves all that may see the same.
-spec owner_keys(us(), push_content:level()) ->
    [{push_content:level(), OwnerKey :: binary()}, ...].
owner_keys(US, Content) ->
    [{Level, owner_key(US, Level, Content)} || Level <- push_content:levels(Content)].

owner_key(US, Content, Content) ->
    push_settings:owner(US);
owner_key(US, Level, _Content) ->
    <<(push_settings:owner(US))/binary, "#", (atom_to_binary(Level))/binary>>.

%% Every answer of the engine but unknown_owner and no_device ends here, counted: those two say
%% something of one app and one level only.
-spec notify(App :: binary(), apns_nif:target(), Notification :: map()) -> answer().
notify(App, Target, Notification) ->
    Opts = push_usage:options(App, Target),
    Answer = hand_over(App, Target, Notification, Opts),
    ok = push_usage:taken(Opts, App, Target, Answer),
    counted(Answer).

%% The same for a process that gets the outcomes, and the engine's own answer.
-spec notify_for(pid(), App :: binary(), apns_nif:target(), Notification :: map()) ->
    {ok, [apns_nif:apns_id()]} | {error, apns_nif:notify_error()}.
notify_for(Pid, App, Target, Notification) ->
    Result = hand_over(App, Target, Notification, #{reply_to => Pid}),
    _ = counted(Result),
    Result.

hand_over(App, Target, Notification, Opts) ->
    case push_apps:is_running(App) of
        true ->
            %% The app may stop between the two calls, the library may be gone.
            try apns_nif:notify(App, Target, Notification, Opts)
            catch error:_ -> {error, unknown_app}
            end;
        false ->
            {error, unknown_app}
    end.

counted({ok, []}) ->
    no_device;
counted({ok, Ids}) ->
    answer(taken, pushes, length(Ids));
counted({error, unknown_owner}) ->
    unknown_owner;
counted({error, Reason}) ->
    Counter = case Reason of
        overloaded -> overloaded;
        unknown_app -> app_down;
        stopped -> app_down;
        _ -> refused
    end,
    answer(refused, Counter, 1).

answer(Answer, Counter, N) ->
    ok = push_counters:add(Counter, N),
    Answer.

notes(Class, Msg, {_, Host} = US, Key, Content) ->
    Ids = push_content:ids(push_settings:mac_key(Host), push_settings:owner(US), Msg, Class, Key),
    Now = erlang:system_time(second),
    [{Level, note(Class, Msg, Level, Ids, Now)} || Level <- push_content:levels(Content)].

note(message, Msg, Level, Ids, Now) ->
    {message, push_content:notification(message, Msg, Level, Ids, Now)};
note(call, Msg, Level, Ids, Now) ->
    {call, push_content:notification({call, voip}, Msg, Level, Ids, Now),
     push_content:notification({call, alert}, Msg, Level, Ids, Now)}.

%% Times in microseconds can repeat between senders, hence the sender beside them. Without any
%% mark the message came past ejabberd_sm; its own bytes are the best that is left.
message_key(#message{meta = #{stanza_id := Id}, from = From}) ->
    iolist_to_binary([integer_to_binary(Id), 0, jid:encode(From)]);
message_key(#message{meta = #{push_service_id := Id}}) ->
    term_to_binary(Id);
message_key(Msg) ->
    erlang:md5(fxml:element_to_binary(xmpp:encode(Msg))).
