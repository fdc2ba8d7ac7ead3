%% The engines' copies of a user's devices: made from what the database says, and taken away. Runs
%% in push_loader, one thing after the other.
-module(push_copies).

-export([list/1, load/1, load/2, load_all/1]).
-export([forget_all/0, node_changed/2, forget_host/1, forget/1, forget/2, remove/3]).

-include("logger.hrl").

%% What the user has by the database, without what has ended and waits to be written there.
-spec list(push_devices:us()) -> {ok, [push_devices:device()]} | {error, db_failure}.
list(US) ->
    case push_devices:list(US) of
        {ok, Devices} -> {ok, push_ends:living(Devices)};
        Error -> Error
    end.

-spec load_all([push_devices:us()]) -> ok.
load_all(Owners) ->
    lists:foreach(fun(US) -> _ = load(US) end, Owners).

%% Tells the engines all devices of the user, the absence of any included.
-spec load(push_devices:us()) -> {ok, []} | {error, db_failure}.
load(US) ->
    load(US, fun(_App, _OwnerKey) -> [] end).

%% Then is called with each owner as soon as an engine knows it; what it says comes back.
-spec load(push_devices:us(), fun((App :: binary(), OwnerKey :: binary()) -> [T])) ->
    {ok, [T]} | {error, db_failure}.
load({_, Host} = US, Then) ->
    case push_settings:get(Host) of
        {ok, Settings} -> load(US, Settings, Then);
        %% The module is not loaded for this host here, and there is no store to ask.
        none -> {ok, []}
    end.

load(US, #{apps := Apps, content := Content}, Then) ->
    case list(US) of
        {ok, Devices} ->
            ok = push_counters:add(loaded),
            {ok, lists:append([set_devices(App, US, Content, Devices, Then)
                               || App <- running(Apps)])};
        {error, db_failure} ->
            {error, db_failure}
    end.

set_devices(App, US, Content, Devices, Then) ->
    Own = [D || #{app := A} = D <- Devices, A =:= App],
    lists:append([begin
        Mine = [maps:with([token, kind, registered_at], D)
                || #{content := Wish} = D <- Own, push_content:stricter(Content, Wish) =:= Level],
        ok = engine(fun() -> apns_nif:set_devices(App, OwnerKey, Mine) end),
        Then(App, OwnerKey)
    end || {Level, OwnerKey} <- push_trigger:owner_keys(US, Content)]).

%% All owners of the apps that the vhost has become unknown, those of other vhosts included: the
%% vhost's own could be named only by the database, and there may be millions. Each is read again
%% when a message comes.
-spec forget_host(Host :: binary()) -> ok.
forget_host(Host) ->
    case push_settings:get(Host) of
        {ok, #{apps := Apps}} -> forget_apps(running(Apps));
        none -> ok
    end.

%% What the node had changed when it ended, and what it changed while it was out of reach, it may
%% not have told. Which owners that concerns nobody knows. A node that is not of the cluster, as a
%% console, changes nothing.
-spec node_changed(nodeup | nodedown, node()) -> ok.
node_changed(Change, Node) ->
    case is_of_cluster(Node) of
        true ->
            ?INFO_MSG("Push devices are read again as messages come: ~s of ~ts", [Change, Node]),
            forget_all();
        false ->
            ok
    end.

%% To forget in vain costs some reading; not to forget, pushes to the wrong phone.
is_of_cluster(Node) ->
    try lists:member(Node, ejabberd_cluster:get_known_nodes())
    catch
        _:_ -> true
    end.

%% All owners become unknown.
-spec forget_all() -> ok.
forget_all() ->
    forget_apps(push_apps:running()).

forget_apps(Apps) ->
    lists:foreach(fun(App) -> engine(fun() -> apns_nif:forget_owners(App) end) end, Apps).

%% The user becomes unknown: the next message asks the database.
-spec forget(push_devices:us()) -> ok.
forget({_, Host} = US) ->
    case push_settings:get(Host) of
        {ok, #{apps := Apps, content := Content}} -> forget(US, running(Apps), Content);
        none -> ok
    end.

forget(US, Running, Content) ->
    lists:foreach(fun({_, OwnerKey}) ->
        lists:foreach(fun(App) -> forget(App, OwnerKey) end, Running)
    end, push_trigger:owner_keys(US, Content)).

-spec forget(App :: binary(), OwnerKey :: binary() | none) -> ok.
forget(_App, none) -> ok;
forget(App, OwnerKey) -> engine(fun() -> apns_nif:forget_owner(App, OwnerKey) end).

%% One device, without asking the database.
-spec remove(App :: binary(), OwnerKey :: binary() | none, Token :: binary()) -> ok.
remove(_App, none, _Token) -> ok;
remove(App, OwnerKey, Token) ->
    engine(fun() -> apns_nif:unregister_token(App, OwnerKey, Token) end).

running(Apps) ->
    [App || App <- maps:keys(Apps), push_apps:is_running(App)].

%% An app may stop in between, the library may be gone: the registry with it, and nothing is wrong.
engine(Fun) ->
    try Fun() of
        ok -> ok;
        {error, unknown_app} -> ok;
        {error, _} -> push_counters:add(refused)
    catch
        error:_ -> ok
    end.
