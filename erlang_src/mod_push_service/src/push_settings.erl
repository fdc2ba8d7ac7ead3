%% What hooks need to know of a vhost's configuration, readable without a process. A vhost without
%% settings has the module not (or no longer) running: its hooks do nothing.
-module(push_settings).

-export([init/0, put/2, delete/1, get/1, brief/1, hosts/0, mac_key/1, set_mac_key/3,
         mac_key_kind/1, owner/1]).

-export_type([settings/0, brief/0]).

-type settings() :: #{
    service := binary(),                    %% the jid that clients put into <enable/>
    content := push_content:level(),
    apps := #{App :: binary() => apns_nif:config()},
    remove_on_password_change := boolean(),
    tigase := App :: binary() | none        %% whose clients register as with Tigase's service
}.

%% What a message needs of them.
-type brief() :: {push_content:level(), [App :: binary()]}.

-define(TABLE, push_settings).

%% The caller owns the table.
-spec init() -> ok.
init() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.

-spec put(Host :: binary(), settings()) -> ok.
put(Host, #{content := Content, apps := Apps} = Settings) ->
    Brief = {Content, maps:keys(Apps)},
    change(fun() -> ets:insert(?TABLE, {Host, Settings, Brief}) end).

-spec delete(Host :: binary()) -> ok.
delete(Host) ->
    change(fun() -> ets:delete(?TABLE, Host) end).

%% The table's owner reads the settings itself when it starts again.
change(Fun) ->
    try Fun() of
        true -> ok
    catch
        error:badarg -> ok
    end.

-spec get(Host :: binary()) -> {ok, settings()} | none.
get(Host) ->
    try ets:lookup(?TABLE, Host) of
        [{_, Settings, _}] -> {ok, Settings};
        [] -> none
    catch
        error:badarg -> none
    end.

%% Without a copy of all configurations.
-spec brief(Host :: binary()) -> {ok, brief()} | none.
brief(Host) ->
    try {ok, ets:lookup_element(?TABLE, Host, 3)}
    catch error:badarg -> none
    end.

-spec hosts() -> [{Host :: binary(), settings()}].
hosts() ->
    [{Host, Settings} || {Host, Settings, _} <- ets:tab2list(?TABLE)].

%% The server's secret behind thread ids, collapse ids and device nodes. It is the same on all
%% nodes and stays the same over restarts, since apps keep what they are given. It is kept where
%% the devices are, so vhosts may have different ones.
-spec mac_key(Host :: binary()) -> binary().
mac_key(Host) ->
    {_, Key} = persistent_term:get({?MODULE, mac_key, Host}),
    Key.

%% temporary: made for a start at which the database was away.
-spec set_mac_key(Host :: binary(), kept | temporary, binary()) -> ok.
set_mac_key(Host, Kind, Key) ->
    %% Writing what is there already would cost nothing: persistent_term compares.
    persistent_term:put({?MODULE, mac_key, Host}, {Kind, Key}).

-spec mac_key_kind(Host :: binary()) -> kept | temporary | none.
mac_key_kind(Host) ->
    case persistent_term:get({?MODULE, mac_key, Host}, none) of
        {Kind, _} -> Kind;
        none -> none
    end.

%% The owner's name in the engines: the bare JID.
-spec owner({LUser :: binary(), LServer :: binary()}) -> binary().
owner({LUser, LServer}) ->
    <<LUser/binary, "@", LServer/binary>>.
