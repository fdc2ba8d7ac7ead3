%% From a message that reached nobody to the engines: policy, memory, content, notify. Runs in the
%% hooks, so it never waits and asks no database; a user whose devices this node has not read yet
%% goes to push_loader.
-module(push_trigger).

-export([message/3, mark/1, notify/3, owner_keys/2]).

-export_type([source/0, note/0, push/0, us/0]).

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

%% Gives the message an identity that no sender can forge or repeat, before it goes to several
%% sessions or hooks. mod_mam's stanza_id is such a one; where there is none, ours survives
%% rerouting and the way to another node.
-spec mark(message()) -> message().
mark(#message{meta = #{stanza_id := _}} = Msg) -> Msg;
mark(#message{meta = #{push_service_id := _}} = Msg) -> Msg;
mark(Msg) ->
    Id = {node(), erlang:system_time(), erlang:unique_integer()},
    xmpp:put_meta(Msg, push_service_id, Id).

-spec message(source(), us(), message()) -> ok.
message(Source, {_, Host} = US, Msg) ->
    case push_settings:get(Host) of
        {ok, Settings} -> decided(push_policy:decide(Msg), Source, US, Msg, Settings);
        none -> ok
    end.

decided({none, _Reason}, _Source, _US, _Msg, _Settings) ->
    push_counters:add(undeserved);
decided({push, Class, Shown}, Source, US, Msg, #{content := Content} = Settings) ->
    Key = message_key(Msg),
    case audience(Source, US, Key) of
        nobody ->
            push_counters:add(duplicate);
        Audience ->
            Push = #{us => US, key => Key, notes => notes(Class, Shown, US, Key, Content)},
            deliver(Audience, Push, Settings)
    end.

%% One push per message and device. Where all devices are meant, one key for the user says that it
%% is done; where only some are, the loader keeps a key for each device, and this message stays
%% one of that kind.
audience(Source, US, Key) ->
    Owner = push_settings:owner(US),
    All = [<<"all">>, 0, Owner, 0, Key],
    Some = [<<"some">>, 0, Owner, 0, Key],
    case push_once:is_known(All) of
        true ->
            nobody;
        false ->
            case others_online(Source, US) orelse push_once:is_known(Some) of
                true ->
                    _ = push_once:remember(Some),
                    {some, Source};
                false ->
                    case push_once:remember(All) of
                        first -> all;
                        again -> nobody
                    end
            end
    end.

others_online(offline, _US) -> false;
others_online({pending, Pid}, US) -> push_sessions:others(US, Pid).

deliver({some, offline}, Push, Settings) ->
    push_loader:push({some, Push, maps:get(apps, Settings), []});
deliver({some, {pending, _}}, #{us := US} = Push, Settings) ->
    push_loader:push({some, Push, maps:get(apps, Settings), push_sessions:online(US)});
%% Where devices see different things, whether any of them takes VoIP pushes is to be known of all
%% before the first is sent an alert instead: the loader looks at them together.
deliver(all, #{notes := [{_, {call, _, _}}, _ | _]} = Push, Settings) ->
    deliver({some, offline}, Push, Settings);
deliver(all, #{us := US, notes := Notes} = Push, #{apps := Apps, content := Content}) ->
    Unknown = [{App, OwnerKey, Note}
               || App <- maps:keys(Apps),
                  {Level, Note} <- Notes,
                  OwnerKey <- [owner_key(US, Level, Content)],
                  notify(App, OwnerKey, Note) =:= unknown_owner],
    case Unknown of
        [] -> ok;
        _ -> push_loader:push({all, maps:get(us, Push), Unknown})
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

%% Every answer of the engine but unknown_owner ends here, counted.
-spec notify(App :: binary(), apns_nif:target(), note()) -> done | unknown_owner.
notify(App, Target, {message, Notification}) ->
    counted(hand_over(App, Target, Notification));
notify(App, Target, {call, Voip, Alert}) ->
    case hand_over(App, Target, Voip) of
        {ok, []} -> counted(hand_over(App, Target, Alert));
        Answer -> counted(Answer)
    end.

hand_over(App, Target, Notification) ->
    case push_apps:is_running(App) of
        true ->
            %% The app may stop between the two calls, the library may be gone.
            try apns_nif:notify(App, Target, Notification)
            catch error:_ -> {error, unknown_app}
            end;
        false ->
            {error, unknown_app}
    end.

counted({error, unknown_owner}) -> unknown_owner;
counted(Answer) ->
    ok = case Answer of
        {ok, []} -> push_counters:add(no_device);
        {ok, Ids} -> push_counters:add(pushes, length(Ids));
        {error, overloaded} -> push_counters:add(overloaded);
        {error, unknown_app} -> push_counters:add(app_down);
        {error, stopped} -> push_counters:add(app_down);
        {error, _} -> push_counters:add(refused)
    end,
    done.

notes(Class, Msg, US, Key, Content) ->
    Ids = push_content:ids(push_settings:mac_key(), push_settings:owner(US), Msg, Class, Key),
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
    erlang:md5(term_to_binary(Id));
message_key(Msg) ->
    erlang:md5(fxml:element_to_binary(xmpp:encode(Msg))).
